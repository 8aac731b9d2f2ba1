"""What was installed below a folder, as it is written down there."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Any

from fastapi_patterns import skill_folder
from fastapi_patterns.install import clients

FILE = f".agents/{skill_folder.NAME}.installed.json"
"""Where it is written down what was written, from the project's folder or the home."""


class InstallError(RuntimeError):
    """It cannot be installed so: nothing was written."""


class Kind(StrEnum):
    """What is written at a path."""

    FILE = "file"
    LINK = "link"
    BLOCK = "block"


Made = tuple[Kind, tuple[str, ...]]


@dataclass(slots=True)
class Record:
    """What was installed.

    Attributes:
        clients: For whom.
        link: Whether links were made, not copies.
        made: What was written: by path its kind and digest. While it is written there
            are two, the new one and the old one.
        glue: By path, the line ends that went before a block.
        new: The folders, and the files for blocks, that were not there before.
    """

    clients: list[str] = field(default_factory=list)
    link: bool = False
    made: dict[str, Made] = field(default_factory=dict)
    glue: dict[str, str] = field(default_factory=dict)
    new: list[str] = field(default_factory=list)


def read(root: Path) -> Record:
    """Give what was installed below a folder.

    Raises:
        InstallError: The record is there and cannot be read.
    """
    path = root / FILE
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise InstallError(f"{path}: it is no regular file: move it away")
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return Record()
    except OSError as error:
        raise InstallError(f"{path}: {error.strerror}") from error
    try:
        data: dict[str, Any] = json.loads(text)
        made = {
            _ours(path): (Kind(kind), tuple(map(str, digests)))
            for path, (kind, *digests) in data["made"].items()
        }
        new = [name for name in data["new"] if _leads_to_ours(str(name))]
        names = [name for name in data["clients"] if name in clients.ALL]
        glue = {path: str(ends) for path, ends in data["glue"].items()}
        return Record(names, bool(data["link"]), made, glue, new)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InstallError(
            f"{path}: it is no record of an installation ({error}): move it away"
        ) from error


def _ours(path: str) -> str:
    """Refuse a path that no client reads: a record may come with a clone."""
    plain = str(PurePosixPath(path)) == path and ".." not in path.split("/")
    if plain and "\\" not in path and any(place.holds(path) for place in _PLACES):
        return path
    raise ValueError(f"{path!r} is nowhere that a client looks")


def _leads_to_ours(name: str) -> bool:
    """Tell whether a folder, or a file for a block, is one that this makes."""
    ends = {FILE, *(p.rule for p in _PLACES), *(p.skill for p in _PLACES)}
    inside = any(name.startswith(f"{place.skill}/") for place in _PLACES)
    return ".." not in name.split("/") and (
        inside or any(end == name or end.startswith(f"{name}/") for end in ends)
    )


_PLACES = [
    place for client in clients.ALL.values() for place in (client.project, client.user)
]
