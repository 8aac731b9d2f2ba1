import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import httpx
import pytest
from websockets import Subprotocol
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

import backend
from backend.core.config import Settings
from backend.main import create_app
from backend.tests.test_api.conftest import sign_in, start_execution

pytestmark = pytest.mark.anyio


async def test_what_a_stop_interrupts_ends_as_failed(
    slow: None, settings: Settings
) -> None:
    for attempt in ("first", "second"):
        app = create_app(settings)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(
                transport=httpx.ASGITransport(app), base_url="http://test"
            ) as client,
        ):
            if attempt == "first":
                await sign_in(client, "ada@example.com")
                headers = client.headers
                id_ = await start_execution(client)
                continue
            client.headers = headers
            path = f"/api/v1/executions/{id_}"
            execution = (await client.get(path)).json()
            assert execution["status"] == "failed"
            assert "stopped" in execution["error"]
            events = (await client.get(f"{path}/events")).json()["items"]
            assert events[-1]["type"] == "execution.failed"


async def test_sigterm_ends_a_server_with_open_streams(tmp_path: Path) -> None:
    """As an operator does it: `uvicorn backend.main:app`, and SIGTERM."""
    environment = os.environ | {
        "DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path}/test.db",
        "PASSWORD_MEMORY_KIB": "8",
        "ECHO_PAUSE_SECONDS": "3600",
    }
    home = Path(backend.__file__).parents[1]  # wherever the tests are run from
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "uvicorn", "backend.main:app"),
        *("--port", "0", "--app-dir", str(home)),
        env=environment,
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )
    assert process.stderr is not None
    async for line in process.stderr:
        if b"running on http" in line:
            host = line.split(b"http://")[1].split()[0].decode()
            break
    async with httpx.AsyncClient(base_url=f"http://{host}") as client:
        await sign_in(client, "ada@example.com")
        path = f"/api/v1/executions/{await start_execution(client)}"
        token = client.headers["authorization"].removeprefix("Bearer ")
        async with (
            client.stream("GET", f"{path}/events/stream") as stream,
            connect(
                f"ws://{host}/api/v1/ws{path.removeprefix('/api/v1')}",
                subprotocols=[Subprotocol("bearer"), Subprotocol(token)],
                proxy=None,
            ) as socket,
        ):
            assert json.loads(await socket.recv())["type"] == "execution.started"
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(5):
                async for _ in stream.aiter_bytes():
                    pass
                with pytest.raises(ConnectionClosed) as closed:
                    await socket.recv()
                log = (await process.communicate())[1].decode()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
    assert "Application shutdown complete" in log
    assert "Traceback" not in log
