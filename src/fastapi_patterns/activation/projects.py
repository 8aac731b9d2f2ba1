"""The project that a file is in, and what it depends on."""

from __future__ import annotations

import os
import re

from fastapi_patterns.activation.evidence import FOREIGN, PROJECT, Evidence
from fastapi_patterns.activation.triggers import FRAMEWORKS, OTHER_FRAMEWORKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi_patterns.activation.triggers import Triggers

DEPENDENCIES = ("pyproject.toml", "requirements.txt")
"""The files that say what a project depends on."""

PROJECT_MARKS = (".git", *DEPENDENCIES, "package.json")
"""What a project's folder has in it."""

BACKENDS = ("", "backend", "api", "server")
"""Where in a project those files may be."""

READ_BYTES = 65_536
"""How much of such a file is read."""


def folder_of(path: str, folder: str) -> str:
    """Give the folder of the project that a file is in, or nothing if none is known.

    Args:
        path: The file, absolute.
        folder: Where the agent, or the command, works; a file in it is of its project.
    """
    base = os.path.abspath(folder) if folder else ""
    if not (base and path.startswith(os.path.join(base, ""))):
        base = ""
    start = base or os.path.dirname(path)
    for above in _upwards(start):
        if any(os.path.exists(os.path.join(above, mark)) for mark in PROJECT_MARKS):
            return above
    return base


def _upwards(folder: str) -> Iterator[str]:
    yield folder
    while folder != os.path.dirname(folder):
        folder = os.path.dirname(folder)
        yield folder


def weigh(triggers: Triggers, folder: str) -> Evidence | None:
    """Tell what a project depends on: a package of ours, or another framework.

    The nearest folder decides that says either, up to that of the repository.
    """
    others = {word.lower() for word, key in triggers.foreign if key == OTHER_FRAMEWORKS}
    foreign = [package for package in triggers.foreign_imports if package in others]
    for above in _upwards(os.path.abspath(folder)):
        listed = [*_dependencies(above)]
        for packages, kind, weight in (
            (FRAMEWORKS, "project", PROJECT),
            (foreign, "not-for-project", FOREIGN),
        ):
            for path, text in listed:
                for package in packages:
                    if _depends(package, text):
                        return Evidence(kind, package, path, weight)
        if os.path.exists(os.path.join(above, ".git")):
            break
    return None


def _dependencies(folder: str) -> Iterator[tuple[str, str]]:
    """Give the files of a project that say what it depends on, with their texts."""
    for part in BACKENDS:
        for name in DEPENDENCIES:
            path = os.path.join(folder, part, name)
            try:
                if os.path.isfile(path):  # a pipe would be waited for
                    with open(path, encoding="utf-8", errors="replace") as opened:
                        text = opened.read(READ_BYTES).lower()
                    yield path, re.sub("#.*", "", text)
            except OSError:
                continue


def _depends(package: str, text: str) -> bool:
    found = rf"(?:^|[\s\"',\[]){package}\s*(?:[\[<>=~!;@,\"'\]]|$)"
    return bool(re.search(found, text, re.MULTILINE))
