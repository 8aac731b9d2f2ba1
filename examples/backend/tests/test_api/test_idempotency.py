import asyncio

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import event

from backend.tests.test_api.conftest import SignUp

pytestmark = pytest.mark.anyio

AGENT = {"name": "Researcher", "model_name": "gpt-5"}
KEY = {"Idempotency-Key": "one"}


async def count(client: httpx.AsyncClient) -> int:
    return len((await client.get("/api/v1/agents")).json()["items"])


async def test_the_same_request_is_done_once(ada: httpx.AsyncClient) -> None:
    first = await ada.post("/api/v1/agents", json=AGENT, headers=KEY)
    again = await ada.post("/api/v1/agents", json=AGENT, headers=KEY)
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.content == first.content
    for name in ("location", "etag", "content-type"):
        assert again.headers[name] == first.headers[name]
    assert again.status_code == 201
    assert await count(ada) == 1


async def test_the_same_key_with_another_request(ada: httpx.AsyncClient) -> None:
    await ada.post("/api/v1/agents", json=AGENT, headers=KEY)
    other = {**AGENT, "name": "Other"}
    for path, body in (("agents", other), ("tools", {"name": "x"})):
        response = await ada.post(f"/api/v1/{path}", json=body, headers=KEY)
        assert response.status_code == 422
        assert response.json()["type"].endswith(":idempotency-key-reused")


async def test_a_key_is_its_users(ada: httpx.AsyncClient, sign_up: SignUp) -> None:
    for client in (ada, await sign_up("bob@example.com")):
        response = await client.post("/api/v1/tools", json={"name": "x"}, headers=KEY)
        assert response.status_code == 201
        assert "idempotency-replayed" not in response.headers


async def test_one_row_in_a_race(ada: httpx.AsyncClient) -> None:
    responses = await asyncio.gather(
        *(ada.post("/api/v1/agents", json=AGENT, headers=KEY) for _ in range(5))
    )
    assert {each.status_code for each in responses} == {201}
    assert len({each.content for each in responses}) == 1
    assert sum("idempotency-replayed" in each.headers for each in responses) == 4
    assert await count(ada) == 1


async def test_an_execution_is_started_once(ada: httpx.AsyncClient) -> None:
    agent = (await ada.post("/api/v1/agents", json=AGENT)).headers["location"]
    for _ in range(2):
        response = await ada.post(
            f"{agent}/executions", json={"input": "x"}, headers=KEY
        )
        assert response.status_code == 202
    assert len((await ada.get("/api/v1/executions")).json()["items"]) == 1


async def test_the_host_header_is_no_part_of_it(ada: httpx.AsyncClient) -> None:
    for host in ("[", "a?b"):
        headers = {**KEY, "Host": host}
        response = await ada.post("/api/v1/agents", json=AGENT, headers=headers)
        assert response.status_code == 201
    assert await count(ada) == 1


@pytest.mark.parametrize("key", ["", "x" * 256])
async def test_a_bad_key(ada: httpx.AsyncClient, key: str) -> None:
    headers = {"Idempotency-Key": key}
    response = await ada.post("/api/v1/agents", json=AGENT, headers=headers)
    assert response.status_code == 422


async def test_a_failed_commit_is_an_error_and_leaves_nothing(
    app: FastAPI, ada: httpx.AsyncClient
) -> None:
    """The proof of commit before answer: the client hears of the failure."""

    def fail(_connection: object) -> None:
        raise ZeroDivisionError("secret detail")

    engine = app.state.resources.database.engine.sync_engine
    event.listen(engine, "commit", fail)
    response = await ada.post("/api/v1/agents", json=AGENT, headers=KEY)
    event.remove(engine, "commit", fail)
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert "x-request-id" in response.headers
    assert "secret" not in response.text
    assert await count(ada) == 0
    again = await ada.post("/api/v1/agents", json=AGENT, headers=KEY)
    assert again.status_code == 201
    assert "idempotency-replayed" not in again.headers
