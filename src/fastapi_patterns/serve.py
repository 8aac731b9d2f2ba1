"""Make the app from the documents and serve it on SQLite."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import uvicorn
from rich.console import Console

from fastapi_patterns.bundle import Bundle
from fastapi_patterns.served import APP


class PortTakenError(Exception):
    """Another program listens on the port."""


def serve(bundle: Bundle, host: str, port: int, database: Path) -> None:
    """Serve the extracted app until it is stopped.

    Args:
        bundle: The bundle; examples/ must be extracted.
        host: The address to listen on.
        port: The port to listen on.
        database: The SQLite file, unless DATABASE_URL names a database.

    Raises:
        PortTakenError: The port is in use.
    """
    _require_free(host, port)
    os.environ.setdefault("DATABASE_URL", f"sqlite+aiosqlite:///{database}")
    sys.path.insert(0, str(bundle.examples))
    address = f"http://{host}:{port}"
    Console(stderr=True).print(
        f"\n  Open   [bold]{address}/docs[/bold]\n"
        "         1. POST /api/v1/auth/register makes your account\n"
        "         2. Authorize (top right) signs you in with its email and password\n"
        "         3. POST /api/v1/agents makes an agent, POST …/executions runs it,\n"
        "            GET …/events shows what it does\n"
        f"  Data   {os.environ['DATABASE_URL']}\n"
        "  Stop   Ctrl+C\n",
        highlight=False,
    )
    uvicorn.run(APP, host=host, port=port, log_config=None, timeout_graceful_shutdown=4)


def _require_free(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortTakenError(
                f"cannot listen on {host}:{port} ({error.strerror}): "
                "choose another port with --port"
            ) from None
