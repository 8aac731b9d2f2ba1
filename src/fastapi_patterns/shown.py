"""Find what of the public surface the documents use in blocks that run."""

from __future__ import annotations

import ast
import importlib
import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fastapi_patterns.blocks import Block, Kind
from fastapi_patterns.program import Program, imported_modules
from fastapi_patterns.surface import Code, Surface, identity
from fastapi_patterns.warm import Interpreter

Span = tuple[int, int, int, int]


def find(surface: Surface, blocks: list[Block], scratch: Path) -> dict[str, list[str]]:
    """Run the blocks, and give for each label that is used the places that use it."""
    programs = [
        block
        for block in blocks
        if block.kind in (Kind.PROGRAM, Kind.MISTAKE, Kind.SINCE) and block.holds_here
    ]
    found: dict[str, list[str]] = {}
    with ThreadPoolExecutor(2) as pool:
        halves = pool.map(
            lambda half: list(_uses(surface, half, scratch)),
            (programs[::2], programs[1::2]),
        )
        for label, place in itertools.chain.from_iterable(halves):
            found.setdefault(label, []).append(place)
    return found


def _uses(
    surface: Surface, blocks: list[Block], scratch: Path
) -> Iterator[tuple[str, str]]:
    modules = set().union(*(imported_modules(block.text) for block in blocks))
    with Interpreter(modules) as interpreter:
        for block in blocks:
            tree = ast.parse(block.text)
            ast.increment_lineno(tree, block.line)
            calls = _record(interpreter, block, scratch)
            labels = {
                *_imported(surface, tree),
                *_keys(surface, tree),
                *_called(surface, tree, calls),
            }
            yield from ((label, block.location) for label in labels)


def _record(
    interpreter: Interpreter, block: Block, scratch: Path
) -> list[tuple[Code, Span]]:
    target = scratch / block.location.replace(":", ".")
    target.touch()
    start = (
        f"from fastapi_patterns import usage; "
        f"usage.record({block.location!r}, {str(target)!r})\n"
    )
    interpreter.run(Program(start + block.text, block.location, block.line - 1))
    lines = target.read_text().splitlines()
    return [(Code(*code), span) for code, span in map(ast.literal_eval, lines)]


def _imported(surface: Surface, tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                if label := _label(surface, node.module, alias.name):
                    yield label


def _label(surface: Surface, module: str, name: str) -> str | None:
    try:
        thing = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError):
        return None
    return surface.names.get(identity(thing, module, name))


def _keys(surface: Surface, tree: ast.Module) -> Iterator[str]:
    """Give the keys of typed dictionaries, and those that a class statement takes."""
    imported = {
        alias.asname or alias.name: _label(surface, node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name), keywords=keywords):
                owner = imported.get(name)
            case ast.ClassDef(keywords=keywords):
                owner = "pydantic.ConfigDict"
            case _:
                continue
        for keyword in keywords:
            if label := surface.keys.get((owner or "", keyword.arg or "")):
                yield label


def _called(
    surface: Surface, tree: ast.Module, calls: list[tuple[Code, Span]]
) -> Iterator[str]:
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for code, span in calls:
        if code in surface.functions:
            yield surface.functions[code]
        if code in surface.parameters:
            parameters = surface.parameters[code]
            for node in _calls_at(nodes, span, code):
                yield from _arguments(node, parameters)


def _calls_at(nodes: list[ast.Call], span: Span, code: Code) -> list[ast.Call]:
    """Give the calls of a function in a span: ``await`` and ``with`` are wider."""
    line, end_line, column, end_column = span
    inside = [
        node
        for node in nodes
        if (line, column) <= (node.lineno, node.col_offset)
        and (node.end_lineno, node.end_col_offset) <= (end_line, end_column)
    ]
    *_, owner, name = ["", *code.name.split(".")]
    called = {owner if name == "__init__" else name}
    return [node for node in inside if _name(node.func) in called] or [
        node for node in inside if _span(node) == span
    ]


def _name(function: ast.expr) -> str:
    match function:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def _span(node: ast.Call) -> tuple[int, int | None, int, int | None]:
    return node.lineno, node.end_lineno, node.col_offset, node.end_col_offset


def _arguments(node: ast.Call, parameters: dict[str, str]) -> Iterator[str]:
    for argument, label in zip(node.args, parameters.values(), strict=False):
        if isinstance(argument, ast.Starred):
            break
        yield label
    for keyword in node.keywords:
        if keyword.arg in parameters:
            yield parameters[keyword.arg]
