"""Find what of the public surface the documents use in blocks that run."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

from fastapi_patterns.blocks import Block, Kind
from fastapi_patterns.program import Program, imported_modules
from fastapi_patterns.surface import PACKAGES, Code, Surface, identity
from fastapi_patterns.warm import Interpreter

Span = tuple[int, int, int, int]
Call = tuple[Code, Span, tuple[str, ...]]


def find(surface: Surface, blocks: list[Block], scratch: Path) -> dict[str, list[str]]:
    """Run the blocks, and give for each label that is used the places that use it."""
    programs = [
        block
        for block in blocks
        if block.kind in (Kind.PROGRAM, Kind.MISTAKE, Kind.SINCE) and block.holds_here
    ]
    modules = set().union(*(imported_modules(block.text) for block in programs))
    found: dict[str, list[str]] = {}
    with Interpreter(modules) as interpreter:
        # One after another: CPython 3.11 cannot parse in two threads at once.
        for block in programs:
            for label in _used(surface, block, _record(interpreter, block, scratch)):
                found.setdefault(label, []).append(block.location)
    return found


def _used(surface: Surface, block: Block, calls: list[Call]) -> set[str]:
    tree = ast.parse(block.text)
    ast.increment_lineno(tree, block.line)
    return {
        *_local_names(surface, tree).values(),
        *_keys(surface, tree),
        *_read_of_arguments(surface, tree),
        *_overridden(surface, tree),
        *_raised(surface, block),
        *_called(surface, tree, calls),
    }


def _record(interpreter: Interpreter, block: Block, scratch: Path) -> list[Call]:
    target = scratch / block.location.replace(":", ".")
    target.touch()
    start = (
        f"from fastapi_patterns import usage; usage.record(__file__, {str(target)!r})\n"
    )
    interpreter.run(Program(start + block.text, block.location, block.line - 1))
    lines = target.read_text().splitlines()
    return [
        (Code(*code), span, given) for code, span, given in map(ast.literal_eval, lines)
    ]


def _label(surface: Surface, module: str, name: str) -> str | None:
    if module.partition(".")[0] not in (*PACKAGES, "contextlib"):
        return None  # no part of the surface, and an import may have effects
    try:
        thing = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError):
        return None
    return surface.names.get(identity(thing, module, name))


def _keys(surface: Surface, tree: ast.Module) -> Iterator[str]:
    """Give the keys of typed dictionaries, and those that a class statement takes."""
    imported = _local_names(surface, tree)
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


def _local_names(surface: Surface, tree: ast.Module) -> dict[str, str]:
    """Give the labels of imported names, by the name that they have in the block."""
    return {
        alias.asname or alias.name: label
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and not node.level
        for alias in node.names
        if (label := _label(surface, node.module, alias.name))
    }


def _read_of_arguments(surface: Surface, tree: ast.Module) -> Iterator[str]:
    """Give what is read of arguments whose annotation is a public class.

    Compiled classes, and protocols that they fill, call nothing that can be recorded.
    """
    imported = _local_names(surface, tree)
    labels = set(surface.functions.values())
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        owners = {
            argument.arg: imported.get(_name(_unsubscripted(argument.annotation)), "")
            for argument in (*function.args.args, *function.args.kwonlyargs)
        }
        for node in ast.walk(function):
            match node:
                case ast.Attribute(value=ast.Name(id=name), attr=attribute):
                    label = f"{owners.get(name)}.{attribute}"
                    if label in labels:
                        yield label


def _overridden(surface: Surface, tree: ast.Module) -> Iterator[str]:
    """Give the methods of public classes that the block's own classes replace."""
    imported = _local_names(surface, tree)
    labels = surface.labels()
    for made in ast.walk(tree):
        if not isinstance(made, ast.ClassDef):
            continue
        owners = [imported.get(_name(_unsubscripted(base)), "") for base in made.bases]
        for method in made.body:
            if not isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for label in (f"{owner}.{method.name}" for owner in owners):
                if label in labels:
                    yield label
                    arguments = (f"{label}({a.arg})" for a in method.args.args)
                    yield from labels.intersection(arguments)


def _raised(surface: Surface, block: Block) -> Iterator[str]:
    """Give the class that a mistake is stated to raise."""
    name = (block.raises or "").partition(":")[0]
    for thing, label in surface.names.items():
        if name and getattr(thing, "__name__", None) == name:
            yield label


def _unsubscripted(annotation: ast.expr | None) -> ast.expr | None:
    return annotation.value if isinstance(annotation, ast.Subscript) else annotation


def _called(surface: Surface, tree: ast.Module, calls: list[Call]) -> Iterator[str]:
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for code, span, given in calls:
        if code in surface.functions:
            yield surface.functions[code]
        if code in surface.parameters:
            parameters = surface.parameters[code]
            for node in _calls_at(nodes, span, code):
                yield from _arguments(node, parameters, given)


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


def _name(function: ast.expr | None) -> str:
    match function:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def _span(node: ast.Call) -> tuple[int, int | None, int, int | None]:
    return node.lineno, node.end_lineno, node.col_offset, node.end_col_offset


def _arguments(
    node: ast.Call, parameters: dict[str, str], given: tuple[str, ...]
) -> Iterator[str]:
    for argument, label in zip(node.args, parameters.values(), strict=False):
        if isinstance(argument, ast.Starred):
            break
        yield label
    for keyword in node.keywords:
        # ``**`` hides the names: those that got a value which is no default count.
        names = given if keyword.arg is None else (keyword.arg,)
        yield from (parameters[name] for name in names if name in parameters)
