"""Measure what a choice costs, as a ratio to its alternative in the same run.

    uv run python benchmarks/costs.py

Both apps of a pair answer the same request in this process, in turns, so that what
else the machine does meets both. The figure is the median over the rounds of the time
of the one divided by the time of the other, with the quartiles beside it. The result is
written to benchmarks/costs.json; reference.md shows it, and a test holds the two
together.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path
from typing import Any

import jwt
from fastapi import Depends, FastAPI, Header
from pydantic import BaseModel, ConfigDict
from rich.progress import track
from sqlalchemy import ForeignKey, func, select
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    joinedload,
    mapped_column,
    relationship,
    selectinload,
)
from sqlalchemy.pool import NullPool
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

RESULT = Path(__file__).parent / "costs.json"
SECRET = "a secret of at least thirty-two bytes"


class Base(DeclarativeBase): ...


class Agent(Base):
    __tablename__ = "agents"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    tools: Mapped[list[Tool]] = relationship(lazy="select")


class Tool(Base):
    __tablename__ = "tools"
    id: Mapped[int] = mapped_column(primary_key=True)
    agent_id: Mapped[int] = mapped_column(ForeignKey("agents.id"), index=True)


class AgentResponse(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: int
    name: str


class Database:
    """A file with a hundred agents of three tools each, and engines on it."""

    def __init__(self, folder: Path, stack: AsyncExitStack) -> None:
        self._address = f"sqlite+aiosqlite:///{folder / 'costs.db'}"
        self._stack = stack

    def engine(self, **options: Any) -> AsyncEngine:
        engine = create_async_engine(self._address, **options)
        self._stack.push_async_callback(engine.dispose)
        return engine

    async def fill(self) -> None:
        async with self.engine().begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        async with async_sessionmaker(self.engine()).begin() as session:
            session.add_all(
                Agent(name=f"agent {n}", tools=[Tool() for _ in range(3)])
                for n in range(100)
            )


def reading(engine: AsyncEngine) -> FastAPI:
    """One agent by its key, through a session of its own."""
    app, sessions = FastAPI(), async_sessionmaker(engine, expire_on_commit=False)

    @app.get("/")
    async def read() -> AgentResponse:
        async with sessions() as session:
            agent = await session.get_one(Agent, 1)
            return AgentResponse.model_validate(agent)

    return app


def creating(engine: AsyncEngine, *, refresh: bool) -> FastAPI:
    app, sessions = FastAPI(), async_sessionmaker(engine, expire_on_commit=False)

    @app.get("/")
    async def create() -> AgentResponse:
        async with sessions() as session:
            agent = Agent(name="new")
            session.add(agent)
            await session.commit()
            if refresh:
                await session.refresh(agent)
            return AgentResponse.model_validate(agent)

    return app


def listing(engine: AsyncEngine, load: str) -> FastAPI:
    """All agents with the number of their tools."""
    app, sessions = FastAPI(), async_sessionmaker(engine, expire_on_commit=False)
    option = {"selectin": selectinload, "joined": joinedload}.get(load)

    @app.get("/")
    async def read() -> list[int]:
        async with sessions() as session:
            query = select(Agent).where(Agent.id <= 100)
            if option:
                agents = (
                    await session.scalars(query.options(option(Agent.tools)))
                ).unique()
                return [len(agent.tools) for agent in agents]
            counts = []
            for agent in (await session.scalars(query)).all():
                tools = await session.scalars(
                    select(Tool).where(Tool.agent_id == agent.id)
                )
                counts.append(len(tools.all()))
            return counts

    return app


def paging(engine: AsyncEngine, *, count: bool) -> FastAPI:
    app, sessions = FastAPI(), async_sessionmaker(engine, expire_on_commit=False)

    @app.get("/")
    async def read() -> list[AgentResponse]:
        async with sessions() as session:
            if count:
                await session.scalar(select(func.count()).select_from(Agent))
            page = await session.scalars(select(Agent).order_by(Agent.id).limit(20))
            return [AgentResponse.model_validate(agent) for agent in page]

    return app


async def nothing() -> None: ...


def nothing_in_a_thread() -> None: ...


def bare(
    *, threads: bool = False, dependency: Callable[[], Any] | None = None
) -> FastAPI:
    uses = [Depends(dependency, use_cache=False)] * 3 if dependency else []
    app = FastAPI(dependencies=uses)

    async def read() -> dict[str, str]:
        return {"name": "agent"}

    def read_in_a_thread() -> dict[str, str]:
        return {"name": "agent"}

    app.get("/")(read_in_a_thread if threads else read)
    return app


class Passing:
    """Pure ASGI: adds a header, and stands in nothing's way."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_header(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"].append((b"x-request-id", b"1"))
            await send(message)

        await self.app(scope, receive, with_header)


def wrapped(kind: str) -> FastAPI:
    app = bare()

    async def dispatch(request: Any, call_next: Any) -> Any:
        response = await call_next(request)
        response.headers["x-request-id"] = "1"
        return response

    if kind == "base":
        app.add_middleware(BaseHTTPMiddleware, dispatch=dispatch)
    else:
        app.add_middleware(Passing)
    return app


def authenticated(engine: AsyncEngine, *, load_user: bool) -> FastAPI:
    app, sessions = FastAPI(), async_sessionmaker(engine, expire_on_commit=False)
    token = jwt.encode(
        {"sub": "1", "exp": datetime.now(UTC) + timedelta(hours=1)}, SECRET, "HS256"
    )

    async def user(authorization: str = Header(token)) -> int:
        claims = jwt.decode(authorization, SECRET, ["HS256"])
        if load_user:
            async with sessions() as session:
                await session.get_one(Agent, int(claims["sub"]))
        return int(claims["sub"])

    @app.get("/")
    async def read(user_id: int = Depends(user)) -> AgentResponse:
        async with sessions() as session:
            agent = await session.get_one(Agent, user_id)
            return AgentResponse.model_validate(agent)

    return app


@dataclass(frozen=True, slots=True)
class Cost:
    """What ``choice`` takes, in times of what ``instead`` takes."""

    choice: str
    instead: str
    ratio: float
    quartiles: tuple[float, float]


def pairs(db: Database) -> dict[tuple[str, str], tuple[FastAPI, FastAPI]]:
    plain = db.engine()
    return {
        ("read in a transaction", "read engine with AUTOCOMMIT"): (
            reading(plain),
            reading(db.engine(isolation_level="AUTOCOMMIT")),
        ),
        ("pool_pre_ping=True", "without"): (
            reading(db.engine(pool_pre_ping=True)),
            reading(plain),
        ),
        ("NullPool", "the default pool"): (
            reading(db.engine(poolclass=NullPool)),
            reading(plain),
        ),
        ("refresh() after commit", "expire_on_commit=False alone"): (
            creating(plain, refresh=True),
            creating(plain, refresh=False),
        ),
        ("one query for each of 100 rows", "selectinload"): (
            listing(plain, "each"),
            listing(plain, "selectin"),
        ),
        ("joinedload of 100 rows with 3 each", "selectinload"): (
            listing(plain, "joined"),
            listing(plain, "selectin"),
        ),
        ("a page with its total count", "the page alone"): (
            paging(plain, count=True),
            paging(plain, count=False),
        ),
        ("a token and its user loaded", "the token alone"): (
            authenticated(plain, load_user=True),
            authenticated(plain, load_user=False),
        ),
        ("BaseHTTPMiddleware", "pure ASGI middleware"): (
            wrapped("base"),
            wrapped("asgi"),
        ),
        ("pure ASGI middleware", "none"): (wrapped("asgi"), bare()),
        ("def endpoint", "async def endpoint"): (bare(threads=True), bare()),
        ("three def dependencies", "three async def dependencies"): (
            bare(dependency=nothing_in_a_thread),
            bare(dependency=nothing),
        ),
    }


async def answer(app: FastAPI) -> None:
    """Send one request through the app, as a server would."""
    status = 0

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status
        status = message.get("status", status)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"app")],
        "server": ("app", 80),
        "client": ("127.0.0.1", 1),
    }
    await app(scope, receive, send)
    assert status == 200, status


async def seconds(app: FastAPI, requests: int) -> float:
    began = time.perf_counter()
    for _ in range(requests):
        await answer(app)
    return time.perf_counter() - began


async def compare(one: FastAPI, other: FastAPI, rounds: int) -> list[float]:
    """Give a ratio for each round of about a fiftieth of a second."""
    await seconds(one, 20)
    requests = max(1, int(0.02 / (await seconds(other, 20) / 20)))
    ratios = []
    for number in range(rounds):
        first, second = (one, other) if number % 2 else (other, one)
        times = {id(first): await seconds(first, requests)}
        times[id(second)] = await seconds(second, requests)
        ratios.append(times[id(one)] / times[id(other)])
    return ratios


async def measure(rounds: int) -> AsyncIterator[Cost]:
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        db = Database(Path(folder), stack)
        await db.fill()
        for (choice, instead), (one, other) in track(pairs(db).items(), "measuring"):
            ratios = await compare(one, other, rounds)
            low, _, high = statistics.quantiles(ratios, n=4)
            ratio = statistics.median(ratios)
            yield Cost(
                choice, instead, round(ratio, 2), (round(low, 2), round(high, 2))
            )


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=60)
    costs = [cost async for cost in measure(parser.parse_args().rounds)]
    versions = {
        name: metadata.version(name)
        for name in ("fastapi", "starlette", "sqlalchemy", "pydantic", "aiosqlite")
    }
    for cost in costs:
        print(
            f"{cost.choice:>32} / {cost.instead:<30} {cost.ratio:6.2f}  {cost.quartiles}"
        )
    RESULT.write_text(
        json.dumps(
            {"versions": versions, "costs": [asdict(c) for c in costs]}, indent=1
        )
        + "\n"
    )


if __name__ == "__main__":
    asyncio.run(main())
