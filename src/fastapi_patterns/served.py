"""The extracted app in a server process of its own, and console sessions with it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fastapi_patterns.bundle import Bundle

APP = "backend.main:app"
ADDRESS = "127.0.0.1:8000"  # as the documents write it
READY = "/api/v1/health/ready"

_START_SECONDS = 30.0
_COMMAND_SECONDS = 30.0
_STOP_SECONDS = 10.0


def free_port() -> int:
    """Give a loopback port that nothing listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(bundle: Bundle) -> Iterator[str]:
    """Serve the app on a fresh SQLite database; gives ``host:port``.

    Raises:
        RuntimeError: It did not get ready; the message holds what it printed.
    """
    with tempfile.TemporaryDirectory() as folder:
        address = f"127.0.0.1:{free_port()}"
        log = Path(folder, "server.log")
        with log.open("w") as output:
            server = subprocess.Popen(  # noqa: S603 - our own app
                [sys.executable, "-m", "uvicorn", APP, "--port", address[10:]],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(bundle.examples)},
                stdout=output,
                stderr=output,
            )
        try:
            if not _gets_ready(server, address):
                raise RuntimeError(f"the app did not start:\n{log.read_text()}")
            yield address
        finally:
            server.terminate()
            try:
                server.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _gets_ready(server: subprocess.Popen[bytes], address: str) -> bool:
    deadline = time.monotonic() + _START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://{address}{READY}", timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    return False


@dataclass(frozen=True, slots=True)
class Step:
    """A command of a session and the output that stands below it."""

    command: str
    expected: str

    def accepts(self, output: str) -> bool:
        """Whether an output is the expected one; ``...`` stands for anything."""
        parts = re.split(r"\.\.\.|…", self.expected.strip())
        pattern = r"[\s\S]*?".join(map(re.escape, parts))
        return re.fullmatch(pattern, output.strip()) is not None


def steps(text: str) -> list[Step]:
    """Split a session: a command begins with ``$ `` and goes on behind ``> ``.

    Raises:
        ValueError: The session does not begin with a command.
    """
    found: list[Step] = []
    for line in text.split("\n")[:-1]:
        if line.startswith("$ "):
            found.append(Step(line[2:], ""))
        elif not found:
            raise ValueError("a session begins with a command, as in: $ curl …")
        elif line.startswith("> ") and not found[-1].expected:
            found[-1] = Step(f"{found[-1].command}\n{line[2:]}", "")
        else:
            found[-1] = Step(found[-1].command, f"{found[-1].expected}{line}\n")
    return found


def run_session(session: list[Step], address: str) -> Iterator[str]:
    """Run the commands in one shell; gives the output of each, in order.

    The address that the documents write is the served app's in the commands, and back
    again in the output.
    """
    mark = "fastapi-patterns-end-of-output"
    with tempfile.TemporaryDirectory() as folder:
        shell = subprocess.Popen(
            ["sh"],  # noqa: S607 - whatever shell the reader has
            cwd=folder,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert shell.stdin is not None
        assert shell.stdout is not None
        timer = threading.Timer(0, lambda: None)
        try:
            for step in session:
                command = step.command.replace(ADDRESS, address)
                timer = threading.Timer(_COMMAND_SECONDS, _kill_group, [shell.pid])
                timer.start()
                lines: list[str] = []
                with contextlib.suppress(BrokenPipeError):
                    shell.stdin.write(
                        f"{{ {command}\n}} </dev/null; echo; echo {mark}\n"
                    )
                    shell.stdin.flush()
                for line in shell.stdout:
                    if line.rstrip("\n") == mark:
                        break
                    lines.append(line)
                else:
                    raise RuntimeError(
                        f"the shell ended, or took over {_COMMAND_SECONDS:g} s, at: "
                        f"$ {step.command}\n{''.join(lines)}"
                    )
                timer.cancel()
                yield "".join(lines).replace(address, ADDRESS).strip()
        finally:
            timer.cancel()
            _kill_group(shell.pid)
            with contextlib.suppress(BrokenPipeError):
                shell.communicate()


def _kill_group(process: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)
