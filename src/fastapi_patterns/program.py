"""Run one program as if its text were a file of its own, and say how it ended.

This runs inside the process that is given up for it: a fork of the warm interpreter,
or a new interpreter where there is no fork (``python -m fastapi_patterns.program``).
"""

from __future__ import annotations

import ast
import contextlib
import gc
import importlib
import json
import os
import re
import sys
import sysconfig
import tempfile
import threading
import traceback
import types
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from _pytest.assertion.rewrite import rewrite_asserts


@dataclass(frozen=True, slots=True)
class Program:
    """What to run.

    Attributes:
        text: Python source.
        filename: The document that it stands in, as tracebacks shall name it.
        line: The document's line of the opening fence: the text begins on the next.
        paths: Folders to import from, before everything else.
        pytest_arguments: Run pytest with these instead of the text.
    """

    text: str
    filename: str
    line: int
    paths: tuple[str, ...] = ()
    pytest_arguments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a program ended.

    Attributes:
        error: The names of the exception's class and of its bases, bare and dotted,
            the class first; empty when the program ended well.
        message: The exception's text.
        traceback: The traceback, from the program's first frame on.
        output: What it printed, to both streams.
        seconds: The time that it ran.
        imported: The installed modules that it was the first to import.
    """

    error: tuple[str, ...] = ()
    message: str = ""
    traceback: str = ""
    output: str = field(default="", compare=False)
    seconds: float = field(default=0.0, compare=False)
    imported: tuple[str, ...] = field(default=(), compare=False)

    @property
    def ok(self) -> bool:
        """Whether the program ended without an exception."""
        return not self.error

    def raised(self, name: str) -> bool:
        """Whether the exception's class has this name, bare or dotted."""
        return name in self.error[:2]

    @classmethod
    def from_json(cls, text: str) -> Outcome:
        """Read what ``to_json`` wrote."""
        values = json.loads(text)
        lists = {name: tuple(values[name]) for name in ("error", "imported")}
        return cls(**{**values, **lists})

    def to_json(self) -> str:
        """Write it as one line."""
        return json.dumps(asdict(self))


def execute(program: Program) -> Outcome:
    """Run the program here; the process is spent afterwards.

    Warnings are errors. A failure in a thread or a finaliser counts too, and threads
    that the program left running are waited for, as the interpreter would at its end.
    """
    known = set(sys.modules)
    outcome = _execute(program)
    return replace(outcome, imported=tuple(_installed(set(sys.modules) - known)))


def _installed(modules: set[str]) -> Iterator[str]:
    """Give those of the modules that are the library's or the environment's."""
    folders = tuple(
        sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")
    )
    for name in sorted(modules):
        origin = getattr(getattr(sys.modules[name], "__spec__", None), "origin", None)
        if isinstance(origin, str) and origin.startswith(folders):
            yield name


def _execute(program: Program) -> Outcome:
    late: list[BaseException] = []
    sys.unraisablehook = lambda event: _note(late, event.exc_value)
    threading.excepthook = lambda event: _note(late, event.exc_value)
    preload(imported_modules(program.text))
    sys.path[:0] = program.paths
    # For the processes that it starts.
    os.environ["PYTHONPATH"] = os.pathsep.join(
        filter(None, (*program.paths, os.environ.get("PYTHONPATH")))
    )
    home = os.getcwd()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        file = os.path.join(os.path.realpath(folder), "program.py")
        sys.argv = [file]
        os.chdir(folder)
        try:
            outcome = _outcome_of(replace(program, filename=file), late)
        finally:
            os.chdir(home)
    return replace(
        outcome,
        message=outcome.message.replace(file, program.filename),
        traceback=outcome.traceback.replace(file, program.filename),
    )


def _outcome_of(program: Program, late: list[BaseException]) -> Outcome:
    """Run the program in its folder and say how it ended."""
    try:
        if program.pytest_arguments:
            return _run_pytest(program)
        with contextlib.suppress(_Ended):
            _run(program)
        gc.collect()
        _join_threads()
    except BaseException as error:
        return _failure(error, program)
    return _failure(late[0], program) if late else Outcome()


class _Ended(Exception):  # noqa: N818 - not an error
    """The program called sys.exit() and all was well."""


def _note(late: list[BaseException], error: BaseException | None) -> None:
    if error is not None and not isinstance(error, SystemExit):
        late.append(error)


def preload(modules: Iterable[str]) -> None:
    """Import modules, so that a warning which a library gives itself is no error.

    A warning that is meant for the importing code is: then the module is left for the
    program to import, and to fail on.
    """
    for module in modules:
        with warnings.catch_warnings(), contextlib.suppress(BaseException):
            warnings.simplefilter("ignore")
            warnings.filterwarnings("error", module=rf"{re.escape(__name__)}$")
            importlib.import_module(module)


def imported_modules(text: str) -> set[str]:
    """Give the names of the modules that a Python text imports."""
    modules: set[str] = set()
    try:
        nodes = ast.walk(ast.parse(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return modules
    for node in nodes:
        if isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules.add(node.module)
    return modules


def _run(program: Program) -> None:
    # A real module: dataclasses, pickling and get_type_hints look there. Its file is
    # what a process that the program spawns imports, and what inspect reads.
    module = types.ModuleType("__main__")
    module.__file__ = program.filename
    Path(program.filename).write_text("\n" * program.line + program.text, "utf-8")
    sys.modules["__main__"] = module
    warnings.resetwarnings()
    warnings.simplefilter("error")
    tree = ast.parse(program.text, program.filename)
    rewrite_asserts(tree, program.text.encode())
    ast.increment_lineno(tree, program.line)
    code = compile(tree, program.filename, "exec", dont_inherit=True)
    try:
        exec(code, module.__dict__)  # noqa: S102 - running the documents is the purpose
    except SystemExit as exit_:
        if exit_.code not in (None, 0):
            raise
        raise _Ended from None


def _run_pytest(program: Program) -> Outcome:
    import pytest

    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):  # the caller's own
        os.environ.pop(name, None)
    warnings.resetwarnings()
    code = pytest.main(list(program.pytest_arguments))
    if code == pytest.ExitCode.OK:
        return Outcome()
    return Outcome(("TestsFailed",), f"pytest ended with {code!r}")


def _join_threads() -> None:
    # What the interpreter does at its end: executors tell their threads to stop.
    threading._shutdown()  # type: ignore[attr-defined]


def _failure(error: BaseException, program: Program) -> Outcome:
    names: list[str] = []
    for base in type(error).__mro__:
        names += [base.__name__, f"{base.__module__}.{base.__qualname__}"]
    return Outcome(
        error=tuple(names),
        message=_message(error, program),
        traceback="".join(
            traceback.format_exception(
                type(error), error, _from_program(error.__traceback__, program)
            )
        ),
    )


def _message(error: BaseException, program: Program) -> str:
    try:
        text = str(error)
    except BaseException as broken:  # its __str__ may do anything
        text = f"<its text cannot be had: {broken!r}>"
    if isinstance(error, SyntaxError) and error.filename == program.filename:
        return error.msg
    return text


def _from_program(
    frames: TracebackType | None, program: Program
) -> TracebackType | None:
    """Leave out the frames above the program's first."""
    first = frames
    while first is not None and first.tb_frame.f_code.co_filename != program.filename:
        first = first.tb_next
    return first or frames


def main() -> None:
    """Run the program that stands as JSON on standard input; print its outcome."""
    values: dict[str, Any] = json.load(sys.stdin)
    program = Program(
        **{
            **values,
            "paths": tuple(values["paths"]),
            "pytest_arguments": tuple(values["pytest_arguments"]),
        }
    )
    process = os.getpid()
    with os.fdopen(os.dup(1), "w") as answer:
        os.dup2(2, 1)
        outcome = execute(program)
        if os.getpid() == process:  # not a child that the program forked
            answer.write(outcome.to_json())
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
