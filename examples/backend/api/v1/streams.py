"""Live events of an execution as server-sent events."""

import time
from collections.abc import AsyncIterator
from typing import Annotated

from anyio import fail_after
from fastapi import APIRouter, Header, Response
from fastapi.responses import StreamingResponse
from starlette.types import Message, Send

from backend.api.deps import CurrentUser, ReadSessionDep, ResourcesDep
from backend.api.openapi import problems
from backend.api.v1.executions import After, ExecutionId
from backend.core.errors import UnauthenticatedError
from backend.models import ExecutionEvent
from backend.schemas.common import MAX_ID
from backend.schemas.execution import EventRead
from backend.services import execution_service
from backend.services.watching import watch

router = APIRouter(tags=["executions"], responses=problems(401, 404))


class EventStream(StreamingResponse):
    """A stream that gives up on a client that does not read."""

    media_type = "text/event-stream"

    def __init__(
        self,
        content: AsyncIterator[str],
        *,
        send_timeout: float,
        status_code: int = 200,
    ) -> None:
        # No proxy may collect the events before it passes them on.
        super().__init__(content, status_code, {"X-Accel-Buffering": "no"})
        self.send_timeout = send_timeout

    async def stream_response(self, send: Send) -> None:
        """Send the events, each within the timeout."""

        async def send_in_time(message: Message) -> None:
            with fail_after(self.send_timeout):
                await send(message)

        try:
            await super().stream_response(send_in_time)
        except TimeoutError:
            return  # the answer stays unfinished: nobody reads it


@router.get(
    "/executions/{execution_id}/events/stream",
    response_class=EventStream,
    responses={
        200: {
            "description": "The events, as they come",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        204: {"description": "Nothing follows: do not connect again"},
    },
)
async def stream_events(
    execution_id: ExecutionId,
    identity: CurrentUser,
    session: ReadSessionDep,
    resources: ResourcesDep,
    after: After = 0,
    last_event_id: Annotated[
        int | None,
        Header(ge=0, le=MAX_ID, description="Sent by a browser that reconnects"),
    ] = None,
) -> Response:
    """Follow the events: those after a sequence number, then new ones, to the last."""
    await execution_service.get_execution(session, identity.user.id, execution_id)
    if last_event_id is not None:
        after = last_event_id
        if await execution_service.has_ended(session, execution_id, at=after):
            # A browser reconnects for ever after a 200 that ends, and stops at 204.
            return Response(status_code=204)
    # The dependencies are done before the first line is sent: `watch` opens a
    # session for each page, and the stream holds none.
    events = watch(
        resources.database,
        resources.signals,
        identity,
        execution_id,
        after=after,
        poll_seconds=resources.settings.poll_seconds,
    )
    return EventStream(
        _lines(events, resources.settings.heartbeat_seconds),
        send_timeout=resources.settings.send_timeout_seconds,
    )


async def _lines(
    pages: AsyncIterator[list[ExecutionEvent]], heartbeat: float
) -> AsyncIterator[str]:
    spoke = time.monotonic()
    try:
        async for page in pages:
            if page:
                yield "".join(map(_format, page))
            elif time.monotonic() - spoke >= heartbeat:
                yield ": still here\n\n"  # a comment, so that proxies do not hang up
            else:
                continue
            spoke = time.monotonic()
    except UnauthenticatedError:
        return  # the session has ended; so does the stream, and the next call gets 401


def _format(event: ExecutionEvent) -> str:
    data = EventRead.model_validate(event).model_dump_json()
    return f"id: {event.sequence}\nevent: {event.type}\ndata: {data}\n\n"
