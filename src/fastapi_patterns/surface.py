"""What the frameworks offer in public, read from the frameworks themselves.

A label is what a reader would look for: ``fastapi.Query``, ``fastapi.Query(alias)``,
``fastapi.Request.stream``, ``pydantic.ConfigDict[strict]``.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import types
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import fastapi
import pydantic
import typing_extensions
from starlette.testclient import TestClient

from fastapi_patterns.usage import WRAPPERS, constructor

# Whose members count; what a class inherits from elsewhere does not.
PACKAGES = ("fastapi", "starlette", "sqlalchemy", "pydantic", "pydantic_core")

ASYNCIO = "sqlalchemy.ext.asyncio"  # its methods count, and not their parameters
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_ROUTERS = (fastapi.FastAPI, fastapi.APIRouter)
_MODEL, _ADAPTER = pydantic.BaseModel, pydantic.TypeAdapter
# Functions that take the same parameters: each of them counts, each parameter once.
FAMILIES: dict[str, list[Callable[..., Any]]] = {
    "path operation": [
        getattr(owner, name)
        for owner in _ROUTERS
        for name in (*_METHODS, "api_route", "add_api_route")
    ],
    "include_router": [owner.include_router for owner in _ROUTERS],
    "TestClient request": [
        getattr(TestClient, name) for name in ("request", *_METHODS[:-1])
    ],
    "Pydantic dump": [
        _MODEL.model_dump,
        _MODEL.model_dump_json,
        _ADAPTER.dump_python,
        _ADAPTER.dump_json,
    ],
    "Pydantic validate": [
        vars(_MODEL)[name].__func__
        for name in ("model_validate", "model_validate_json", "model_validate_strings")
    ]
    + [
        _ADAPTER.validate_python,
        _ADAPTER.validate_json,
        _ADAPTER.validate_strings,
    ],
    "Pydantic JSON schema": [
        vars(_MODEL)["model_json_schema"].__func__,
        _ADAPTER.json_schema,
        vars(_ADAPTER)["json_schemas"].__func__,
    ],
}


@dataclass(frozen=True, slots=True)
class Code:
    """Where a function's code stands: the same in every process."""

    filename: str
    line: int
    name: str

    @classmethod
    def of(cls, code: types.CodeType) -> Code:
        """Name a code object."""
        return cls(code.co_filename, code.co_firstlineno, code.co_qualname)


@dataclass(slots=True)
class Surface:
    """Everything public, under the labels that a reader knows it by.

    Attributes:
        names: What is imported, by the object or, for a constant, by its place.
        keys: The keys of typed dictionaries, by the dictionary's label and the key.
        functions: Functions, methods and properties, by their code.
        parameters: Parameters, by the function's code: label by name, in order.
        deprecated: What the framework itself marks as deprecated.
    """

    names: dict[object, str] = field(default_factory=dict)
    keys: dict[tuple[str, str], str] = field(default_factory=dict)
    functions: dict[Code, str] = field(default_factory=dict)
    parameters: dict[Code, dict[str, str]] = field(default_factory=dict)
    deprecated: set[str] = field(default_factory=set)

    def labels(self) -> set[str]:
        """Give all labels."""
        return {
            *self.names.values(),
            *self.keys.values(),
            *self.functions.values(),
            *(label for each in self.parameters.values() for label in each.values()),
        }


def read() -> Surface:
    """Read the surface of the installed releases."""
    surface = Surface()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for module, name in _public_names():
            _add(surface, f"{module}.{name}", module, name)
    return surface


def _public_names() -> Iterator[tuple[str, str]]:
    yield from (("fastapi", name) for name in _defined("fastapi"))
    yield from (("pydantic", name) for name in pydantic.__all__)
    yield from ((ASYNCIO, name) for name in _defined(ASYNCIO))
    for module in _modules(fastapi):
        yield from ((module, name) for name in _defined(module))


def _modules(package: types.ModuleType) -> list[str]:
    found = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    return sorted(
        (module.name for module in found if "._" not in module.name),
        # The shallow one names what a deeper one defines.
        key=lambda name: (name.count("."), name),
    )


def _defined(module: str) -> list[str]:
    """Give what a module defines or passes on by ``import X as X``."""
    try:
        source = inspect.getsource(importlib.import_module(module))
    except OSError:  # an empty __init__.py
        return []
    names: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom | ast.Import):
            names += [a.name for a in node.names if a.name == a.asname]
    for node in ast.parse(source).body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.append(node.name)
            case ast.Assign():
                names += [t.id for t in node.targets if isinstance(t, ast.Name)]
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.append(name)
    return [name for name in dict.fromkeys(names) if not name.startswith("_")]


def _add(surface: Surface, label: str, module: str, name: str) -> None:
    thing = getattr(importlib.import_module(module), name)
    key = identity(thing, module, name)
    if key in surface.names:  # known by a shorter name
        return
    surface.names[key] = label
    if not inspect.ismodule(thing) and hasattr(thing, "__deprecated__"):
        surface.deprecated.add(label)
    if typing_extensions.is_typeddict(thing):
        for entry in thing.__annotations__:
            surface.keys[label, entry] = f"{label}[{entry}]"
    elif inspect.isclass(thing):
        _add_members(surface, label, thing)
    elif inspect.isroutine(thing):
        _add_function(surface, label, thing)


def identity(thing: object, module: str, name: str) -> object:
    """Give what tells an object from others: a constant's place, else itself."""
    if inspect.isclass(thing) or inspect.isroutine(thing) or inspect.ismodule(thing):
        return thing
    return module, name


def _add_members(surface: Surface, label: str, owner: type) -> None:
    for name in dir(owner):
        home = next((c for c in owner.__mro__ if name in vars(c)), object)
        member = vars(home).get(name)  # none: it is the metaclass's
        if home.__module__.partition(".")[0] not in PACKAGES and not _family(member):
            continue
        if name == "__init__":
            _add_constructor(surface, label, owner, home)
        elif not name.startswith("_"):
            _add_function(surface, f"{label}.{name}", member)


def _family(function: Any) -> str:
    """Give the name of the family that a function belongs to, if any."""
    names = (name for name, family in FAMILIES.items() if function in family)
    return next(names, "")


def _add_constructor(surface: Surface, label: str, owner: type, home: type) -> None:
    if issubclass(owner, pydantic.BaseModel):
        if owner.__module__.startswith("fastapi.") and owner.model_fields:
            surface.parameters[Code("", 0, constructor(owner))] = {
                name: f"{label}({name})" for name in owner.model_fields
            }
        return
    code = Code("", 0, constructor(home))
    if code not in surface.parameters:  # else inherited from a class named above
        _add_parameters(surface, label, vars(home)["__init__"], [code])


def _add_function(surface: Surface, label: str, member: Any) -> None:
    codes = [Code.of(code) for code in _codes(member)]
    if not codes or codes[0] in surface.functions:  # inherited from a class named above
        return
    for code in codes:
        surface.functions[code] = label
    if hasattr(_function(member), "__deprecated__"):
        surface.deprecated.add(label)
    _add_parameters(surface, label, _function(member), codes)


def _function(member: Any) -> Any:
    for name in ("__func__", "fget", "func", "wrapped"):  # what descriptors hold it by
        member = getattr(member, name, None) or member
    return member


def _codes(member: Any) -> Iterator[types.CodeType]:
    """Give a function's code, its wrapper's too unless wrappers share one."""
    function = _function(member)
    while function is not None:
        code = getattr(function, "__code__", None)
        if code is not None and function.__globals__["__name__"] not in WRAPPERS:
            yield code
        function = getattr(function, "__wrapped__", None)


def _add_parameters(
    surface: Surface, label: str, function: Any, codes: list[Code]
) -> None:
    label = _family(function) or label
    for code in codes:
        signature = inspect.signature(inspect.unwrap(function))
        for parameter in signature.parameters.values():
            if parameter.name in ("self", "cls") or parameter.name.startswith("_"):
                continue
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                continue
            if label.startswith(ASYNCIO):
                continue
            parameter_label = f"{label}({parameter.name})"
            surface.parameters.setdefault(code, {})[parameter.name] = parameter_label
            if label in surface.deprecated:
                surface.deprecated.add(parameter_label)
            notes = getattr(parameter.annotation, "__metadata__", ())
            if any(type(note).__name__ == "deprecated" for note in notes):
                surface.deprecated.add(parameter_label)
