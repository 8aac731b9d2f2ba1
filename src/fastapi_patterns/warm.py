"""A warm interpreter: the heavy imports once, then a fork for every program.

``Interpreter`` is the side that asks. It starts ``python -m fastapi_patterns.warm``,
which imports what the programs import and then answers one request a line.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict, replace
from importlib.metadata import entry_points
from typing import Any

from fastapi_patterns.program import Outcome, Program, execute, preload

TIMEOUT_SECONDS = 60.0
_OUTPUT_LIMIT = 100_000


class Interpreter:
    """Runs programs, each in a process of its own.

    Args:
        modules: What to import before the first program; what fails is left out.
        fork: Whether to fork a warm process, or start a new one for each program.
            The default is to fork wherever the platform can.
    """

    def __init__(
        self, modules: Iterable[str] = (), *, fork: bool = hasattr(os, "fork")
    ) -> None:
        self._modules = sorted(modules)
        self._fork = fork
        self._process: subprocess.Popen[str] | None = None

    def run(self, program: Program, timeout: float = TIMEOUT_SECONDS) -> Outcome:
        """Run a program and say how it ended; ``timeout`` is in seconds."""
        began = time.perf_counter()
        values = asdict(program)
        run = self._run_forked if self._fork else _run_spawned
        outcome = run(values, timeout)
        return replace(outcome, seconds=time.perf_counter() - began)

    def _run_forked(self, values: dict[str, Any], timeout: float) -> Outcome:
        process = self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps({**values, "timeout": timeout}) + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            self.close()
            return Outcome(("InterpreterDied",), "the program ended its interpreter")
        return Outcome.from_json(answer)

    def _start(self) -> subprocess.Popen[str]:
        if self._process is None:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-P", "-m", "fastapi_patterns.warm", *self._modules],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
            )
        return self._process

    def close(self) -> None:
        """End the warm process."""
        if self._process is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.communicate()
            self._process = None

    def kill(self) -> None:
        """End the warm process and the program that it runs, at once."""
        if self._process is not None:
            self._process.terminate()

    def __enter__(self) -> Interpreter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _run_spawned(values: dict[str, Any], timeout: float) -> Outcome:
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "fastapi_patterns.program"],
            input=json.dumps(values),
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return _timed_out(timeout)
    if not done.stdout:
        message = f"the program ended its process with {done.returncode}"
        return Outcome(("ProcessDied",), message, output=done.stderr)
    return replace(Outcome.from_json(done.stdout), output=done.stderr)


def _timed_out(timeout: float) -> Outcome:
    return Outcome(("TimedOut",), f"the program did not end within {timeout:g} s")


def serve(modules: list[str]) -> None:
    """Answer the requests on standard input until it ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what an import prints is no answer
    signal.signal(signal.SIGTERM, _end_with_child)
    preload(modules)
    # A plugin of pytest may take its import for the beginning of a test run.
    plugins = {entry.module for entry in entry_points(group="pytest11")}
    gc.collect()
    gc.freeze()  # a fork's collector must not touch, and so copy, these pages
    for request in sys.stdin:
        values = json.loads(request)
        timeout = values.pop("timeout")
        values["paths"] = tuple(values["paths"])
        values["pytest_arguments"] = tuple(values["pytest_arguments"])
        outcome = _run_in_fork(Program(**values), timeout)
        print(outcome.to_json(), file=answers, flush=True)
        # What this program imported late (a framework's lazy imports), the next has.
        preload(name for name in outcome.imported if name not in plugins)


_child = 0


def _end_with_child(number: int, frame: object) -> None:
    if _child:
        os.killpg(_child, signal.SIGKILL)
    os._exit(0)


def _run_in_fork(program: Program, timeout: float) -> Outcome:
    with tempfile.TemporaryFile() as output:
        reading, writing = os.pipe()
        global _child
        _child = child = os.fork()
        if child == 0:
            _be_the_child(program, writing, output.fileno())
        os.close(writing)
        answer = _read_all(reading, time.monotonic() + timeout)
        # The program may have left processes of its own behind: its group ends with it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        _child = 0
        output.seek(0)
        printed = output.read(_OUTPUT_LIMIT).decode("utf-8", "replace")
    if answer is None:
        return replace(_timed_out(timeout), output=printed)
    if not answer:
        code = os.waitstatus_to_exitcode(status)
        message = f"the program ended its process with {code}"
        return Outcome(("ProcessDied",), message, output=printed)
    return replace(Outcome.from_json(answer), output=printed)


def _be_the_child(program: Program, writing: int, output: int) -> None:
    os.setsid()
    null = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, null), (1, output), (2, output)):
        os.dup2(source, target)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - it lives as long as the process
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    process = os.getpid()
    try:
        answer = execute(program).to_json().encode()
        if os.getpid() == process:  # not a child that the program forked
            while answer:
                answer = answer[os.write(writing, answer) :]
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(0)


def _read_all(reading: int, deadline: float) -> str | None:
    """Give what comes until the other end closes, or None when time is up."""
    parts: list[bytes] = []
    try:
        while True:
            left = deadline - time.monotonic()
            ready, _, _ = select.select([reading], [], [], max(left, 0))
            if not ready:
                return None
            part = os.read(reading, 65536)
            if not part:
                return b"".join(parts).decode()
            parts.append(part)
    finally:
        os.close(reading)


if __name__ == "__main__":
    serve(sys.argv[1:])
