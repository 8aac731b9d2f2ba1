"""Fixtures for tests through HTTP: the running application and its clients."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from backend.core.config import Settings
from backend.main import create_app

PASSWORD = "correct horse battery"
# Older releases of uvicorn use what websockets has deprecated.
over_the_network = pytest.mark.filterwarnings(
    r"ignore::DeprecationWarning:(uvicorn|websockets)\b.*"
)
SignUp = Callable[[str], Awaitable[httpx.AsyncClient]]


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[FastAPI]:
    """The application, with its lifespan running (httpx does not run it)."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client that is not signed in."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def sign_in(client: httpx.AsyncClient, email: str) -> None:
    """Register a user, and sign the client in as them."""
    account = {"email": email, "password": PASSWORD}
    response = await client.post("/api/v1/auth/register", json=account)
    assert response.status_code == 201, response.text
    form = {"username": email, "password": PASSWORD}
    response = await client.post("/api/v1/auth/login", data=form)
    token = response.json()["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"


@pytest.fixture
async def sign_up(app: FastAPI) -> AsyncIterator[SignUp]:
    """A function that registers a user and gives a client signed in as them."""
    clients = []

    async def sign_up(email: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app)
        client = httpx.AsyncClient(transport=transport, base_url="http://test")
        clients.append(client)
        await sign_in(client, email)
        return client

    yield sign_up
    for client in clients:
        await client.aclose()


@pytest.fixture
async def ada(sign_up: SignUp) -> httpx.AsyncClient:
    """A client that is signed in."""
    return await sign_up("ada@example.com")


async def create_agent(client: httpx.AsyncClient, **fields: object) -> httpx.Response:
    """Add an agent with some name and model."""
    agent = {"name": "Researcher", "model_name": "claude-sonnet-4-5", **fields}
    return await client.post("/api/v1/agents", json=agent)


async def start_execution(client: httpx.AsyncClient, input_: str = "one two") -> int:
    """Add an agent with one tool, and run it."""
    response = await create_agent(client, name=f"Agent {input_[:50]}", tool_ids=[1])
    response = await client.post(
        f"{response.headers['location']}/executions", json={"input": input_}
    )
    assert response.status_code == 202, response.text
    return int(response.json()["id"])


async def finished(client: httpx.AsyncClient, execution_id: int) -> dict[str, object]:
    """Wait until an execution has ended."""
    async with asyncio.timeout(30):
        while True:
            response = await client.get(f"/api/v1/executions/{execution_id}")
            execution: dict[str, object] = response.json()
            if execution["finished_at"] is not None:
                return execution
            await asyncio.sleep(0.01)


@pytest.fixture
def server(settings: Settings) -> Iterator[str]:
    """A real server: streams and WebSockets need a network between the two."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        app = create_app(settings)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.fixture
async def remote(server: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the real server, signed in."""
    async with httpx.AsyncClient(base_url=f"http://{server}") as client:
        await sign_in(client, "ada@example.com")
        yield client


@pytest.fixture
def slow(settings: Settings) -> None:
    """Have runs take so long that a test can act in the middle of one."""
    settings.echo_pause_seconds = 3600
