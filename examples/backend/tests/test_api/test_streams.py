import json
from collections.abc import AsyncIterator
from itertools import repeat

import anyio
import httpx
import pytest
from starlette.types import Message

from backend.api.v1.streams import EventStream
from backend.tests.test_api.conftest import (
    finished,
    over_the_network,
    sign_in,
    start_execution,
)

pytestmark = [pytest.mark.anyio, over_the_network]


async def read(
    client: httpx.AsyncClient, execution_id: int, query: str = "", **headers: str
) -> list[dict[str, str]]:
    """Read a stream to its end, as a list of events with their fields."""
    path = f"/api/v1/executions/{execution_id}/events/stream{query}"
    async with client.stream("GET", path, headers=headers) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        text = "".join([part async for part in response.aiter_text()])
    blocks = [block for block in text.split("\n\n") if block]
    return [
        dict(line.split(": ", 1) for line in block.splitlines()) for block in blocks
    ]


async def test_a_stream_ends_with_the_final_event(remote: httpx.AsyncClient) -> None:
    events = await read(remote, await start_execution(remote))
    assert [event["event"] for event in events] == [
        "execution.started",
        "tool.called",
        "message.delta",
        "message.delta",
        "execution.succeeded",
    ]
    assert [event["id"] for event in events] == ["1", "2", "3", "4", "5"]
    assert json.loads(events[-1]["data"])["data"] == {"output": "one two"}


async def test_a_late_reader_gets_everything_from_where_it_was(
    remote: httpx.AsyncClient,
) -> None:
    id_ = await start_execution(remote)
    await finished(remote, id_)
    assert len(await read(remote, id_)) == 5
    assert [each["id"] for each in await read(remote, id_, "?after=3")] == ["4", "5"]
    resumed = await read(remote, id_, "?after=0", **{"Last-Event-ID": "4"})
    assert [each["id"] for each in resumed] == ["5"]
    assert await read(remote, id_, "?after=5") == []


async def test_a_browser_is_told_not_to_come_back(remote: httpx.AsyncClient) -> None:
    id_ = await start_execution(remote)
    await finished(remote, id_)
    path = f"/api/v1/executions/{id_}/events/stream"
    response = await remote.get(path, headers={"Last-Event-ID": "5"})
    assert response.status_code == 204


async def test_a_silent_stream_has_a_heartbeat_and_ends_with_the_session(
    slow: None, remote: httpx.AsyncClient
) -> None:
    id_ = await start_execution(remote)
    path = f"/api/v1/executions/{id_}/events/stream"
    text = ""
    async with remote.stream("GET", path) as response:
        async for part in response.aiter_text():
            text += part
            if text.endswith(": still here\n\n"):
                await remote.post("/api/v1/auth/logout")
    assert "execution.started" in text
    assert "execution.succeeded" not in text


async def test_a_stream_is_its_owners(remote: httpx.AsyncClient) -> None:
    id_ = await start_execution(remote)
    path = f"/api/v1/executions/{id_}/events/stream"
    await sign_in(remote, "eve@example.com")
    assert (await remote.get(path)).status_code == 404
    del remote.headers["Authorization"]
    assert (await remote.get(path)).status_code == 401


async def test_a_client_that_does_not_read_is_left() -> None:
    async def endless() -> AsyncIterator[str]:
        for line in repeat(": line\n\n"):
            yield line

    async def receive() -> Message:
        await anyio.sleep_forever()
        raise AssertionError

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            await anyio.sleep_forever()

    response = EventStream(endless(), send_timeout=0.01)
    with anyio.fail_after(30):
        await response({"type": "http", "asgi": {}}, receive, send)
