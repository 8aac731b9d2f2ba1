"""Engines and sessions. Only this module knows that SQLite is not PostgreSQL."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from anyio import CancelScope
from sqlalchemy import event, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase


class ReadSession(AsyncSession):
    """A session that sees committed rows and cannot change any."""


class WriteSession(AsyncSession):
    """A session inside one transaction, which its opener commits or rolls back."""

    def after_commit(self, call: Callable[[], object]) -> None:
        """Have `call` done once the transaction has been committed."""
        self.info.setdefault("after_commit", []).append(call)


class Database:
    """Two pools over one database: one writes, one reads without transactions.

    Sessions are shielded: a task that is cancelled, because a client hung up,
    finishes its step first. A driver that is cut off within a statement may lose
    the connection, or give it back in the middle of a transaction.
    """

    def __init__(self, url: str, *, pool_size: int = 5) -> None:
        self.engine, self.read_engine = _engines(url, pool_size)
        self._write_sessions = async_sessionmaker(
            self.engine, class_=WriteSession, expire_on_commit=False
        )
        self._read_sessions = async_sessionmaker(
            self.read_engine,
            class_=ReadSession,
            expire_on_commit=False,
            autoflush=False,
        )

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[WriteSession]:
        """Commit at the end, roll back on any exception.

        The database's BEGIN comes with the first statement, so slow work may
        come before it without holding anything.
        """
        with CancelScope(shield=True):
            async with self._write_sessions.begin() as session:
                yield session
        for call in session.info.get("after_commit", ()):
            call()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[ReadSession]:
        """Open a session for statements that change nothing."""
        with CancelScope(shield=True):
            async with self._read_sessions() as session:
                yield session

    async def create_tables(self, base: type[DeclarativeBase]) -> None:
        """Create what is missing. A growing schema wants migrations instead."""
        async with self.engine.begin() as connection:
            await connection.run_sync(base.metadata.create_all)

    async def ping(self) -> None:
        """Make one round trip."""
        async with self.read_engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def dispose(self) -> None:
        """Close every connection; without it, aiosqlite's threads stay alive."""
        await self.read_engine.dispose()
        await self.engine.dispose()


def _engines(url: str, pool_size: int) -> tuple[AsyncEngine, AsyncEngine]:
    sqlite = url.startswith("sqlite")
    # SQLite has one writer at a time. With one connection, writers queue in the
    # pool, in order; with more they would poll for SQLite's lock, and starve.
    engine = create_async_engine(
        url,
        pool_size=1 if sqlite else pool_size,
        max_overflow=0,
        hide_parameters=True,
    )
    read_engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        hide_parameters=True,
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
    )
    if sqlite:  # pragma: no branch - PostgreSQL needs a driver and a server
        event.listen(engine.sync_engine, "connect", _prepare_writer)
        event.listen(engine.sync_engine, "begin", _begin_immediate)
        event.listen(read_engine.sync_engine, "connect", _prepare_reader)
    return engine, read_engine


def _run(connection: DBAPIConnection, *pragmas: str) -> None:
    cursor = connection.cursor()
    for pragma in pragmas:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _prepare_writer(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver must not BEGIN behind our back
    _run(
        connection,
        "busy_timeout = 5000",
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "foreign_keys = ON",
    )


def _prepare_reader(connection: Any, _record: object) -> None:
    _run(connection, "busy_timeout = 5000", "query_only = ON")


def _begin_immediate(connection: Any) -> None:
    # A plain BEGIN takes the write lock at the first write, too late: what was
    # read before may be stale, and waiting for the lock is refused.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
