"""What goes wrong in production, done to a real server process on a real file."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import sqlite3
import threading
import time
from pathlib import Path

import anyio
import httpx
import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from tests.app import (
    PASSWORD,
    Server,
    events_of,
    make_agent,
    serving,
    start_execution,
    wait_for_end,
)

TERMINAL = {"execution.succeeded", "execution.failed", "execution.cancelled"}


def assert_sound(events: list[dict[str, object]]) -> None:
    """The sequence has no gap, and exactly one event is the last word."""
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    ends = [number for number, e in enumerate(events) if e["type"] in TERMINAL]
    assert ends == [len(events) - 1]


def test_a_commit_that_fails_is_no_success(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        client = server.sign_up()
        # A deferred constraint makes the COMMIT itself fail, after every statement.
        with sqlite3.connect(server.database) as connection:
            connection.executescript(
                "CREATE TABLE doom (id INTEGER PRIMARY KEY, missing INTEGER NOT NULL "
                "REFERENCES users(id) DEFERRABLE INITIALLY DEFERRED);"
                "CREATE TRIGGER doomed AFTER INSERT ON agents BEGIN "
                "INSERT INTO doom(missing) VALUES (-1); END;"
            )
        body = {"name": "Doomed", "model_name": "claude-x"}

        answer = client.post("/agents", json=body)

        assert answer.status_code >= 400
        assert answer.headers["content-type"] == "application/problem+json"
        assert "FOREIGN KEY" not in answer.text
        assert client.get("/agents").json()["items"] == []

        with sqlite3.connect(server.database) as connection:
            connection.execute("DROP TRIGGER doomed")
        assert client.post("/agents", json=body).status_code == 201


def test_kill_9_under_load_loses_nothing_that_was_promised(tmp_path: Path) -> None:
    with serving(tmp_path, ECHO_PAUSE_SECONDS="0.01") as server:
        client = server.sign_up()
        agent = make_agent(client)["id"]
        promised: list[int] = []
        stop = threading.Event()

        def load() -> None:
            headers = dict(client.headers)
            with httpx.Client(base_url=client.base_url, headers=headers) as mine:
                while not stop.is_set():
                    try:
                        promised.append(start_execution(mine, agent, words=30))
                    except httpx.TransportError:
                        return

        threads = [threading.Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        while len(promised) < 20:
            time.sleep(0.01)
        server.kill()
        stop.set()
        for thread in threads:
            thread.join()

        server.start()

        for execution_id in promised:
            assert wait_for_end(client, execution_id)["status"] in (
                "succeeded",
                "failed",
            )
            assert_sound(events_of(client, execution_id))
        again = start_execution(client, agent)
        assert wait_for_end(client, again)["status"] == "succeeded"


def test_fifty_clients_race_on_one_row(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        client = server.sign_up()
        agent = make_agent(client)
        path = f"/agents/{agent['id']}"
        etag = client.get(path).headers["etag"]

        async def race() -> list[httpx.Response]:
            async with httpx.AsyncClient(
                base_url=client.base_url, headers=client.headers, timeout=60
            ) as racing:
                names = [{"name": f"Agent {number}"} for number in range(50)]
                guard = {"If-Match": etag}
                return await asyncio.gather(
                    *(racing.patch(path, json=name, headers=guard) for name in names)
                )

        answers = asyncio.run(race())

        statuses = sorted(answer.status_code for answer in answers)
        assert statuses == [200] + [412] * 49
        winner = next(a for a in answers if a.status_code == 200).json()
        assert client.get(path).json()["name"] == winner["name"]


def test_fifty_clients_race_for_one_refresh_token(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        client = server.sign_up()
        form = {"username": "ada@example.com", "password": PASSWORD}
        token = client.post("/auth/login", data=form).json()["refresh_token"]

        async def race() -> list[int]:
            async with httpx.AsyncClient(
                base_url=client.base_url, timeout=60
            ) as racing:
                body = {"refresh_token": token}
                calls = [racing.post("/auth/refresh", json=body) for _ in range(50)]
                return [answer.status_code for answer in await asyncio.gather(*calls)]

        assert sorted(asyncio.run(race())) == [200] + [401] * 49


def socket_url(server: Server, execution_id: int) -> str:
    return f"ws://127.0.0.1:{server.port}/api/v1/ws/executions/{execution_id}"


def token_of(client: httpx.Client) -> str:
    return client.headers["Authorization"].removeprefix("Bearer ")


async def connect(url: str, token: str) -> ClientConnection:
    protocols = [websockets.Subprotocol("bearer"), websockets.Subprotocol(token)]
    return await websockets.connect(url, subprotocols=protocols, open_timeout=60)


def test_two_hundred_idle_watchers_cost_no_connection(tmp_path: Path) -> None:
    with serving(tmp_path, ECHO_PAUSE_SECONDS="1", DATABASE_POOL_SIZE="2") as server:
        client = server.sign_up()
        agent = make_agent(client)["id"]
        execution = start_execution(client, agent, words=600)
        url, token = socket_url(server, execution), token_of(client)

        async def watch() -> list[str]:
            watchers: list[ClientConnection] = []
            for _ in range(20):
                watchers += await asyncio.gather(
                    *(connect(url, token) for _ in range(10))
                )
            for number in range(20):
                name = f"While they watch {number}"
                made = await anyio.to_thread.run_sync(make_agent, client, name)
                answer = await anyio.to_thread.run_sync(
                    client.get, f"/agents/{made['id']}"
                )
                assert answer.status_code == 200
            await anyio.to_thread.run_sync(
                client.post, f"/executions/{execution}/cancel"
            )
            return await asyncio.gather(*map(last_type, watchers))

        assert asyncio.run(watch()) == ["execution.cancelled"] * 200


async def last_type(socket: ClientConnection) -> str:
    """Read a socket to its end and give the type of its last event."""
    types: list[str] = []
    async for message in socket:
        types += re.findall(
            r'"type":\s*"(execution\.\w+|message\.delta)"', str(message)
        )
    assert socket.close_code == 1000
    return str(types[-1])


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_stopping_with_open_streams_and_running_jobs(
    tmp_path: Path, stop: signal.Signals
) -> None:
    with serving(tmp_path, ECHO_PAUSE_SECONDS="0.2") as server:
        client = server.sign_up()
        agent = make_agent(client)["id"]
        executions = [start_execution(client, agent, words=500) for _ in range(3)]
        url, token = socket_url(server, executions[0]), token_of(client)

        async def watch() -> int | None:
            sockets = [await connect(url, token) for _ in range(5)]
            headers = {"Authorization": f"Bearer {token}"}
            path = f"{server.url}/api/v1/executions/{executions[1]}/events/stream"
            async with (
                httpx.AsyncClient(timeout=60) as http,
                http.stream("GET", path, headers=headers) as stream,
            ):
                lines = stream.aiter_lines()
                await anext(lines)
                server.signal(stop)
                # The bound is the promise; a hang would never end by itself.
                code = await anyio.to_thread.run_sync(server.wait, 5)
                async for _ in lines:
                    pass
            for socket in sockets:
                with contextlib.suppress(websockets.ConnectionClosed):
                    async for _ in socket:
                        pass
                assert socket.close_code in (1001, 1012)
            return code

        assert asyncio.run(watch()) in (0, -stop, 128 + stop)

        server.start()
        for execution in executions:
            assert wait_for_end(client, execution)["status"] == "failed"
            assert_sound(events_of(client, execution))
