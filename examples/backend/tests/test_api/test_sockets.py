import asyncio
import json
from contextlib import suppress
from typing import Any

import httpx
import pytest
from websockets import Subprotocol
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from backend.api.v1.sockets import MAX_MESSAGES
from backend.core.config import Settings
from backend.core.errors import AlreadyFinishedError
from backend.services import execution_service
from backend.tests.test_api.conftest import (
    finished,
    over_the_network,
    sign_in,
    start_execution,
)

pytestmark = [pytest.mark.anyio, over_the_network]


def token_of(client: httpx.AsyncClient) -> str:
    return client.headers["Authorization"].removeprefix("Bearer ")


def open_socket(
    client: httpx.AsyncClient,
    execution_id: int,
    *,
    query: str = "",
    token: str | None = None,
) -> connect:
    """Connect with the client's token as a subprotocol."""
    url = f"{client.base_url}".replace("http://", "ws://").rstrip("/")
    offered = ["bearer", token or token_of(client)]
    return connect(
        f"{url}/api/v1/ws/executions/{execution_id}{query}",
        subprotocols=[Subprotocol(each) for each in offered],
        proxy=None,
    )


def open_without_token(client: httpx.AsyncClient, execution_id: int) -> connect:
    url = f"{client.base_url}".replace("http://", "ws://").rstrip("/")
    return connect(f"{url}/api/v1/ws/executions/{execution_id}", proxy=None)


async def read(socket: ClientConnection) -> tuple[list[dict[str, Any]], int]:
    """Read to the end: the messages and the code of the close."""
    messages = []
    async with asyncio.timeout(30):
        with suppress(ConnectionClosed):
            async for message in socket:
                messages.append(json.loads(message))
    return messages, socket.close_code or 0


async def test_a_socket_ends_with_the_final_event(remote: httpx.AsyncClient) -> None:
    id_ = await start_execution(remote)
    async with open_socket(remote, id_) as socket:
        assert socket.subprotocol == "bearer"
        messages, code = await read(socket)
    assert [message["sequence"] for message in messages] == [1, 2, 3, 4, 5]
    assert messages[-1]["type"] == "execution.succeeded"
    assert code == 1000


async def test_many_watch_and_each_gets_everything(remote: httpx.AsyncClient) -> None:
    id_ = await start_execution(remote, "a b c d e f g h")

    async def watch(after: int) -> list[int]:
        async with open_socket(remote, id_, query=f"?after={after}") as socket:
            messages, _ = await read(socket)
        return [message["sequence"] for message in messages]

    async def leave() -> None:
        async with open_socket(remote, id_) as socket:
            await socket.recv()

    afters = [0, 3, 11]
    seen, *_ = await asyncio.gather(
        asyncio.gather(*map(watch, afters)), leave(), leave()
    )
    assert seen == [list(range(after + 1, 12)) for after in afters]


async def test_the_token_may_come_in_the_first_message(
    remote: httpx.AsyncClient,
) -> None:
    id_ = await start_execution(remote)
    await finished(remote, id_)
    async with open_without_token(remote, id_) as socket:
        first = {"type": "authenticate", "token": token_of(remote), "after": 3}
        await socket.send(json.dumps(first))
        messages, code = await read(socket)
    assert [message["sequence"] for message in messages] == [4, 5]
    assert code == 1000
    async with open_without_token(remote, id_) as socket:
        first = {"type": "authenticate", "token": token_of(remote)}
        await socket.send(json.dumps(first))
        messages, code = await read(socket)
    assert len(messages) == 5


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ("no JSON", 1008),
        ("[" * 10_000, 1008),
        ('{"type": "cancel"}', 1008),
        ('{"type": "authenticate", "token": "wrong"}', 1008),
        (b"\xff", 1003),
        ("x" * 20_000, 1009),
    ],
    ids=["text", "nested", "other", "wrong", "binary", "long"],
)
async def test_who_does_not_authenticate_is_shown_out(
    remote: httpx.AsyncClient, first: str | bytes, code: int
) -> None:
    id_ = await start_execution(remote)
    async with open_without_token(remote, id_) as socket:
        await socket.send(first)
        assert await read(socket) == ([], code)


async def test_who_says_nothing_is_shown_out(
    settings: Settings, remote: httpx.AsyncClient
) -> None:
    settings.authentication_timeout_seconds = 0.1
    async with open_without_token(remote, 1) as socket:
        assert await read(socket) == ([], 1008)


async def test_a_token_must_be_good_and_alone(remote: httpx.AsyncClient) -> None:
    id_ = await start_execution(remote)
    for offered in (["bearer", "wrong"], ["bearer"], ["bearer", "one", "two"]):
        socket = open_socket(remote, id_)
        socket = connect(
            socket.uri, subprotocols=[Subprotocol(o) for o in offered], proxy=None
        )
        async with socket as connection:
            assert await read(connection) == ([], 1008)


async def test_an_execution_is_its_owners(remote: httpx.AsyncClient) -> None:
    id_ = await start_execution(remote)
    await sign_in(remote, "eve@example.com")
    for foreign in (id_, 10**6):
        async with open_socket(remote, foreign) as socket:
            assert await read(socket) == ([], 4404)


async def test_an_impossible_id_is_no_handshake(remote: httpx.AsyncClient) -> None:
    with pytest.raises(InvalidStatus):
        async with open_socket(remote, 2**63):
            pass


async def test_a_client_can_cancel(slow: None, remote: httpx.AsyncClient) -> None:
    id_ = await start_execution(remote)
    async with open_socket(remote, id_) as socket:
        await socket.recv()
        await socket.send('{"type": "cancel"}')
        messages, code = await read(socket)
    assert [message["type"] for message in messages] == ["execution.cancelled"]
    assert code == 1000


async def test_nonsense_is_answered_and_the_events_go_on(
    slow: None, remote: httpx.AsyncClient
) -> None:
    id_ = await start_execution(remote)
    async with open_socket(remote, id_) as socket:
        await socket.recv()
        again = {"type": "authenticate", "token": "x"}
        for text in ("no JSON", '{"type": "dance"}', "[1", json.dumps(again)):
            await socket.send(text)
            assert json.loads(await socket.recv())["type"] == "error"
        await socket.send(b"\x00")
        assert await read(socket) == ([], 1003)


async def test_who_does_not_stop_asking_is_shown_out(
    slow: None, remote: httpx.AsyncClient
) -> None:
    id_ = await start_execution(remote)
    async with open_socket(remote, id_) as socket:
        for _ in range(MAX_MESSAGES):
            await socket.send("nonsense")
        messages, code = await read(socket)
    refused = [m for m in messages if m["type"] == "error"]
    assert len(refused) == MAX_MESSAGES
    assert code == 1008


async def test_signing_out_ends_the_socket(
    slow: None, remote: httpx.AsyncClient
) -> None:
    id_ = await start_execution(remote)
    async with open_socket(remote, id_) as socket:
        await socket.recv()
        await remote.post("/api/v1/auth/logout")
        assert await read(socket) == ([], 1008)


async def test_cancelling_too_late_is_answered(
    slow: None, remote: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def too_late(*_: object) -> None:
        raise AlreadyFinishedError("too late")

    id_ = await start_execution(remote)
    async with open_socket(remote, id_) as socket:
        await socket.recv()
        monkeypatch.setattr(execution_service, "cancel_execution", too_late)
        await socket.send('{"type": "cancel"}')
        answer = json.loads(await socket.recv())
    assert answer == {"type": "error", "code": "already-finished"}


async def test_a_failure_of_ours_is_a_close_of_its_own(
    remote: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(execution_service, "get_execution", fail)
    async with open_socket(remote, 1) as socket:
        assert await read(socket) == ([], 1011)
    assert "secret" not in str(socket.close_reason)
