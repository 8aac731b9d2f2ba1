from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from backend.api.deps import get_database
from backend.core.config import Settings
from backend.main import create_app

pytestmark = pytest.mark.anyio

JSON = {"Content-Type": "application/json"}


def assert_problem(response: httpx.Response, status: int) -> None:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert problem["title"]
    assert problem["request_id"] == response.headers["x-request-id"]
    assert response.headers["cache-control"] == "no-store"


async def test_no_route_and_no_method(client: httpx.AsyncClient) -> None:
    assert_problem(await client.get("/nowhere"), 404)
    assert_problem(await client.get("/api/v1/agents/"), 404)
    response = await client.put("/api/v1/health/live")
    assert_problem(response, 405)
    assert "GET" in response.headers["allow"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"name": "\\ud800", "model_name": "gpt-5"}',
        b'{"\\ud800": 1}',
        b'{"name": "x", "model_name": "gpt-5", "temperature": NaN}',
        b'{"name": "x", "model_name": "gpt-5", "temperature": 1e999}',
        b'{"name": "x", "model_name": "gpt-5", "tool_ids": [1' + b"0" * 5000 + b"]}",
    ],
    ids=range(12),
)
async def test_broken_bodies(ada: httpx.AsyncClient, body: bytes) -> None:
    response = await ada.post("/api/v1/agents", content=body, headers=JSON)
    assert_problem(response, 400 if response.status_code == 400 else 422)


async def test_another_content_type(ada: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "text/plain"}
    response = await ada.post("/api/v1/agents", content=b"{}", headers=headers)
    assert_problem(response, 422)


@pytest.mark.parametrize("id_", ["0", "-1", "x", str(2**63), "1" * 5000, "1.5", "%00"])
async def test_impossible_ids(ada: httpx.AsyncClient, id_: str) -> None:
    for path in ("agents", "tools", "executions"):
        assert_problem(await ada.get(f"/api/v1/{path}/{id_}"), 422)


async def test_a_body_that_is_too_large(ada: httpx.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 100_000

    for content in (b" " * 2_000_000, chunks()):
        response = await ada.post("/api/v1/agents", content=content, headers=JSON)
        assert_problem(response, 413)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    response = await ada.post("/api/v1/auth/login", content=chunks(), headers=form)
    assert_problem(response, 413)


@pytest.mark.parametrize(
    "error",
    [
        PoolTimeoutError(),
        OperationalError("BEGIN", {}, Exception("database is locked")),
    ],
    ids=["pool", "lock"],
)
async def test_a_busy_database_is_no_error_of_the_client(
    app: FastAPI, client: httpx.AsyncClient, error: Exception
) -> None:
    async def full() -> None:
        raise error

    app.dependency_overrides[get_database] = full
    response = await client.get("/api/v1/tools")
    assert_problem(response, 503)
    assert response.headers["retry-after"] == "1"


async def test_hosts_and_origins_are_those_of_the_settings(settings: Settings) -> None:
    settings.allowed_hosts = ["api.example"]
    settings.cors_origins = ["https://app.example"]
    transport = httpx.ASGITransport(create_app(settings))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://api.example"
    ) as client:
        for origin, allowed in (
            ("https://app.example", "https://app.example"),
            ("https://evil.example", None),
        ):
            headers = {"Origin": origin}
            response = await client.get("/api/v1/health/live", headers=headers)
            assert response.status_code == 200
            assert response.headers.get("access-control-allow-origin") == allowed
        response = await client.get("http://evil.example/api/v1/health/live")
        assert_problem(response, 400)
