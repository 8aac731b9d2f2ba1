"""What the application opens when it starts and closes when it stops."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import anyio

from backend.core.config import Settings
from backend.core.database import Database
from backend.core.security import AccessTokens, Passwords
from backend.core.shutdown import on_stop_signal
from backend.models import Base
from backend.services import (
    auth_service,
    execution_service,
    idempotency,
    tool_service,
)
from backend.services.auth_service import TokenIssuer
from backend.services.executor import Executor
from backend.services.runner import EchoRunner, Runner
from backend.services.signals import Signals


@dataclass(frozen=True, slots=True)
class Resources:
    """Everything that requests share. Held by the application; nothing is global."""

    settings: Settings
    database: Database
    passwords: Passwords
    tokens: TokenIssuer
    signals: Signals


@asynccontextmanager
async def open_resources(
    settings: Settings, runner: Runner | None = None
) -> AsyncIterator[Resources]:
    """Open everything, and close it in the opposite order."""
    database = Database(
        settings.database_url.get_secret_value(), pool_size=settings.database_pool_size
    )
    signals = Signals()
    try:
        await _prepare(database, signals, settings)
        executor = Executor(
            database,
            signals,
            runner or EchoRunner(settings.echo_pause_seconds),
            concurrency=settings.execution_concurrency,
            timeout_seconds=settings.execution_timeout_seconds,
            poll_seconds=settings.poll_seconds,
        )
        with on_stop_signal(signals.close):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(executor.run)
                try:
                    yield Resources(
                        settings,
                        database,
                        Passwords(settings),
                        TokenIssuer(
                            AccessTokens(settings),
                            timedelta(days=settings.refresh_token_days),
                        ),
                        signals,
                    )
                finally:
                    signals.close()
                    tasks.cancel_scope.cancel()
            await execution_service.interrupt_unfinished(database, signals)
    finally:
        await database.dispose()


async def _prepare(database: Database, signals: Signals, settings: Settings) -> None:
    await database.create_tables(Base)
    async with database.transaction() as session:
        await tool_service.seed(session)
        await auth_service.delete_expired(session)
        age = timedelta(hours=settings.idempotency_hours)
        await idempotency.delete_old(session, age)
    await execution_service.interrupt_unfinished(database, signals)
