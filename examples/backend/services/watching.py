"""Follow an execution's events, from any point, until the last one."""

from collections.abc import AsyncIterator

from anyio import move_on_after

from backend.core.database import Database
from backend.models import ExecutionEvent
from backend.services import auth_service, execution_service
from backend.services import signals as topics
from backend.services.auth_service import Identity
from backend.services.signals import Signals

PAGE = 100


async def watch(
    database: Database,
    signals: Signals,
    identity: Identity,
    execution_id: int,
    *,
    after: int,
    poll_seconds: float,
) -> AsyncIterator[list[ExecutionEvent]]:
    """Yield events as they come, and an empty list when there is none for a while.

    Reads the table and wakes by signal; the poll finds what another process
    wrote. A session is open only while a page is read, so a watcher that is
    slow, or waits for hours, holds no connection. Ends after the final event
    and when the process is about to end; raises when the caller's session does.
    """
    while not signals.closed:
        woken = signals.listen(topics.changed(execution_id))
        async with database.reading() as session:
            events = await execution_service.list_events(
                session, execution_id, after=after, limit=PAGE
            )
            if not events:
                await auth_service.check_still_signed_in(session, identity)
                if await execution_service.has_ended(session, execution_id, at=after):
                    return
        yield events
        if events:
            after = events[-1].sequence
        else:
            with move_on_after(poll_seconds):
                await woken.wait()
