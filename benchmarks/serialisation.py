"""Measure what turning 1,000 rows into an answer costs, as ratios inside one run.

    uv run python benchmarks/serialisation.py
    uv run python benchmarks/serialisation.py --rows 100 --rounds 20

Each variant is an endpoint that is called as the server calls it, without a client. The
variants take turns, and the fastest of all rounds counts, in CPU time: so other work on
the machine changes little. A ratio is speed: 2.0 is twice as fast as the first line. The
result is written to benchmarks/serialisation.json beside those of other versions of
FastAPI; reference.md shows it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, TypeAdapter
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine, StaticPool, create_engine, insert, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from starlette.types import Message

RESULT = Path(__file__).parent / "serialisation.json"
PACKAGES = ("fastapi", "starlette", "pydantic", "sqlalchemy")

Variant = Callable[[], object]


class Base(DeclarativeBase):
    """The base of the table."""


class Agent(Base):
    """A row of seven columns, as an agent's configuration has them."""

    __tablename__ = "agents"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    model_name: Mapped[str]
    temperature: Mapped[float]
    description: Mapped[str | None]
    is_active: Mapped[bool]
    created_at: Mapped[datetime]


class AgentResponse(BaseModel):
    """What the client sees of a row."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    model_name: str
    temperature: float
    description: str | None = None
    is_active: bool
    created_at: datetime


ADAPTER = TypeAdapter(list[AgentResponse])


def values(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "name": f"Agent {number}",
        "model_name": "claude-4",
        "temperature": 0.7,
        "description": None if number % 2 else "Answers questions about the weather",
        "is_active": True,
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
    }


def from_memory(rows: int) -> FastAPI:
    """Answer with rows that are there: only validation and writing are measured."""
    app = FastAPI(openapi_url=None)
    dicts = [values(number) for number in range(rows)]
    objects = [Agent(**row) for row in dicts]
    models = ADAPTER.validate_python(dicts)
    typed = list[AgentResponse]

    def add(name: str, variant: Variant, **options: Any) -> None:
        async def endpoint() -> Any:
            return variant()

        app.get(f"/{name}", name=name, **{"response_model": None, **options})(endpoint)

    def dumped(rows: Any) -> Response:
        return Response(ADAPTER.dump_json(rows), media_type="application/json")

    add("ORM objects, response_model", lambda: objects, response_model=typed)
    add("dicts, response_model", lambda: dicts, response_model=typed)
    add("models, response_model", lambda: models, response_model=typed)
    add(
        "ORM objects, response_model, exclude_none",
        lambda: objects,
        response_model=typed,
        response_model_exclude_none=True,
    )
    add(
        "ORM objects, response_model, response_class=JSONResponse",
        lambda: objects,
        response_model=typed,
        response_class=JSONResponse,
    )
    add(
        "ORM objects, validated and dump_json by hand",
        lambda: dumped(ADAPTER.validate_python(objects)),
    )
    add("models, dump_json by hand", lambda: dumped(models))
    add("dicts, no response model", lambda: dicts)
    add("models, no response model", lambda: models)
    return app


def from_database(rows: int, engine: Engine) -> FastAPI:
    """Answer with the rows of a query: loading is measured as well."""
    app = FastAPI(openapi_url=None)
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(Agent), [values(number) for number in range(rows)])
    table = Agent.__table__

    @app.get(
        "/1",
        name="query of the class, response_model",
        response_model=list[AgentResponse],
    )
    async def orm() -> Any:
        with Session(engine) as session:
            return session.scalars(select(Agent)).all()

    @app.get(
        "/2",
        name="query of the columns, response_model",
        response_model=list[AgentResponse],
    )
    async def core() -> Any:
        with engine.connect() as connection:
            return connection.execute(select(table)).mappings().all()

    @app.get("/3", name="query of the columns, dump_json by hand", response_model=None)
    async def by_hand() -> Response:
        with engine.connect() as connection:
            found = ADAPTER.validate_python(connection.execute(select(table)).all())
        return Response(ADAPTER.dump_json(found), media_type="application/json")

    return app


async def call(app: FastAPI, path: str) -> int:
    """Call the application as a server does, and give the number of bytes sent."""
    sent = 0

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        nonlocal sent
        assert message.get("status", 200) == 200
        sent += len(message.get("body", b""))

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [],
    }
    await app(scope, receive, send)
    return sent


async def speeds(app: FastAPI, rounds: int) -> dict[str, float]:
    """Give each endpoint's speed, relative to the first."""
    paths = {str(route.name): str(route.path) for route in app.routes}  # type: ignore[attr-defined]
    best: dict[str, float] = dict.fromkeys(paths, float("inf"))
    for path in paths.values():
        assert await call(app, path) > 1_000
    for _ in range(rounds):
        for name, path in paths.items():
            start = time.process_time()
            await call(app, path)
            best[name] = min(best[name], time.process_time() - start)
    first = next(iter(best.values()))
    return {name: first / seconds for name, seconds in best.items()}


def write(result: dict[str, Any]) -> None:
    """Replace what was measured with this version of FastAPI; keep the others."""
    measured = json.loads(RESULT.read_text()) if RESULT.exists() else []
    mine = result["versions"]["fastapi"]
    others = [one for one in measured if one["versions"]["fastapi"] != mine]
    RESULT.write_text(json.dumps([*others, result], indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    versions = {name: version(name) for name in PACKAGES}
    console = Console(width=88)
    console.print(", ".join(f"{name} {number}" for name, number in versions.items()))
    found: dict[str, float] = {}
    engine = create_engine(
        "sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False}
    )
    for title, app in (
        ("From memory", from_memory(options.rows)),
        ("From the database", from_database(options.rows, engine)),
    ):
        table = Table("variant", "speed", title=title)
        for name, speed in asyncio.run(speeds(app, options.rounds)).items():
            table.add_row(name, f"{speed:.2f}")
            found[name] = round(speed, 2)
        console.print(table)
    engine.dispose()
    write({"versions": versions, "rows": options.rows, "speeds": found})


if __name__ == "__main__":
    main()
