"""Record which public functions a block calls, while it runs.

Runs in the block's own process and so imports nothing but the standard library. A line
is written for each new call: the function's code, the place of the call in the block,
where the arguments can be read, and, for what ``**`` hides there, the parameters that
did not have their default.
"""

from __future__ import annotations

import os
import sys
import threading
from types import CodeType, FrameType
from typing import Any

# Modules whose frames stand between a caller and the function that it calls.
WRAPPERS = (
    "contextlib",
    "functools",
    "pydantic._internal._utils",
    "sqlalchemy.util.langhelpers",
    "typing_extensions",
    "warnings",
)


def record(filename: str, target: str) -> None:
    """Write the calls that the code of ``filename`` makes to the file ``target``."""
    lines = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    seen: set[tuple[CodeType, CodeType, int, tuple[str, ...]]] = set()

    def watch(frame: FrameType, event: str, argument: Any) -> None:
        if event != "call":
            return
        caller = frame.f_back
        while caller is not None and caller.f_globals.get("__name__") in WRAPPERS:
            caller = caller.f_back
        if caller is None or caller.f_code.co_filename != filename:
            return
        given = _given(frame)
        call = frame.f_code, caller.f_code, caller.f_lasti, given
        if call in seen:
            return
        seen.add(call)
        positions = list(caller.f_code.co_positions())[caller.f_lasti // 2]
        for called in _names(frame):
            os.write(lines, f"{(called, positions, given)!r}\n".encode())

    threading.setprofile(watch)
    sys.setprofile(watch)


def _given(frame: FrameType) -> tuple[str, ...]:
    """Give the parameters whose values are not the defaults."""
    code = frame.f_code
    function: Any = frame.f_globals.get(code.co_name)
    if code.co_name == "__init__":
        function = type(frame.f_locals[code.co_varnames[0]]).__init__
    if getattr(function, "__code__", None) is not code:
        return ()
    names = code.co_varnames[: code.co_argcount]
    defaults = dict(
        zip(reversed(names), reversed(function.__defaults__ or ()), strict=False)
    ) | (function.__kwdefaults__ or {})
    names += code.co_varnames[
        code.co_argcount : code.co_argcount + code.co_kwonlyargcount
    ]
    none = object()
    return tuple(
        name
        for name in names
        if name in frame.f_locals
        and frame.f_locals[name] is not defaults.get(name, none)
    )


def _names(frame: FrameType) -> list[tuple[str, int, str]]:
    code = frame.f_code
    if code.co_name != "__init__":
        return [(code.co_filename, code.co_firstlineno, code.co_qualname)]
    # Generated constructors have no place of their own: the class tells them apart.
    made = type(frame.f_locals[code.co_varnames[0]])
    owners = [
        place
        for place, owner in enumerate(made.__mro__)
        if getattr(vars(owner).get("__init__"), "__code__", None) is code
    ]
    classes = made.__mro__[: owners[0] + 1] if owners else made.__mro__[:1]
    return [("", 0, constructor(each)) for each in classes]


def constructor(made: type) -> str:
    """Name a class's ``__init__``."""
    return f"{made.__module__}.{made.__qualname__}.__init__"
