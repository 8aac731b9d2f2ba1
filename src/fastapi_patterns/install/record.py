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
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Record()
    except OSError as error:
        raise InstallError(f"{path}: {error.strerror}") from error
    try:
        data: dict[str, Any] = json.loads(text)
        made = {
            _inside(path): (Kind(kind), tuple(map(str, digests)))
            for path, (kind, *digests) in data["made"].items()
        }
        new = [_inside(path) for path in data["new"]]
        names = [name for name in data["clients"] if name in clients.ALL]
        return Record(names, bool(data["link"]), made, dict(data["glue"]), new)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InstallError(
            f"{path}: it is no record of an installation ({error}): move it away"
        ) from error


def _inside(path: str) -> str:
    """Refuse a path that leads out of the folder: a record may come from anywhere."""
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts or "\\" in path or ":" in path:
        raise ValueError(f"{path!r} leads elsewhere")
    return path
