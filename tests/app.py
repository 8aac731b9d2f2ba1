"""The extracted app in a real server process, and a client of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from fastapi_patterns.served import APP, READY, free_port
from tests.conftest import ROOT

PASSWORD = "correct horse battery"


@dataclass
class Server:
    """An app on a database of its own; it can be killed and started again."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    clients: list[httpx.Client] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = self.folder / "server.log"
        self.database = self.folder / "app.db"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "uvicorn", APP, f"--port={self.port}"],
                cwd=self.folder,
                env={
                    **os.environ,
                    "PYTHONPATH": str(ROOT / "examples"),
                    "DATABASE_URL": f"sqlite+aiosqlite:///{self.database}",
                    "PASSWORD_TIME_COST": "1",
                    "PASSWORD_MEMORY_KIB": "8",
                    **self.environment,
                },
                stdout=log,
                stderr=log,
            )
        for _ in range(600):
            assert self.process.poll() is None, self.log.read_text()
            try:
                if httpx.get(f"{self.url}{READY}").status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError(f"the server did not get ready\n{self.log.read_text()}")

    def kill(self) -> None:
        """End the process as a crash would."""
        self.signal(signal.SIGKILL)
        self.wait()

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self, seconds: float = 30) -> int:
        assert self.process is not None
        code = self.process.wait(seconds)
        self.process = None
        return code

    def sign_up(self, email: str = "ada@example.com") -> httpx.Client:
        """Give a client that is signed in as a new user."""
        client = httpx.Client(base_url=f"{self.url}/api/v1", timeout=60)
        self.clients.append(client)
        account = {"email": email, "password": PASSWORD}
        answer = client.post("/auth/register", json=account)
        assert answer.status_code == 201, answer.text
        form = {"username": email, "password": PASSWORD}
        tokens = client.post("/auth/login", data=form).raise_for_status().json()
        client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        return client


@contextmanager
def serving(folder: Path, **environment: str) -> Iterator[Server]:
    """Serve the app until the block ends."""
    server = Server(folder, environment)
    server.start()
    try:
        yield server
    finally:
        for client in server.clients:
            client.close()
        if server.process is not None:
            server.kill()


def make_agent(client: httpx.Client, name: str = "Researcher") -> dict[str, Any]:
    body = {"name": name, "model_name": "claude-sonnet-4-5"}
    answer = client.post("/agents", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def start_execution(client: httpx.Client, agent_id: int, words: int = 3) -> int:
    body = {"input": " ".join(f"word{n}" for n in range(words))}
    answer = client.post(f"/agents/{agent_id}/executions", json=body)
    assert answer.status_code == 202, answer.text
    return int(answer.json()["id"])


def wait_for_end(client: httpx.Client, execution_id: int) -> dict[str, Any]:
    for _ in range(600):
        execution: dict[str, Any] = client.get(f"/executions/{execution_id}").json()
        if execution["status"] not in ("queued", "running"):
            return execution
        time.sleep(0.05)
    raise AssertionError(f"execution {execution_id} does not end")


def events_of(client: httpx.Client, execution_id: int) -> list[dict[str, Any]]:
    """Give all events of an execution, page by page."""
    events: list[dict[str, Any]] = []
    while True:
        after = events[-1]["sequence"] if events else 0
        answer = client.get(
            f"/executions/{execution_id}/events", params={"after": after}
        )
        page = answer.raise_for_status().json()
        items = page["items"] if isinstance(page, dict) else page
        if not items:
            return events
        events += items
