"""What is at a path, told without going through a symlink."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fastapi_patterns import skill_folder
from fastapi_patterns.install import block
from fastapi_patterns.install.record import Kind


@dataclass(frozen=True, slots=True)
class Seen:
    """What is at a path.

    Attributes:
        digest: What its content is told by; None if it is nothing that this writes.
        why: What it is instead, and what to do about it.
    """

    digest: str | None
    why: str = ""


def at(path: Path, kind: Kind) -> Seen | None:
    """Tell what is where something of a kind is or shall be; None if nothing is."""
    if not os.path.lexists(path):
        return None
    if path.is_symlink():
        target = leads_to(path)
        if kind is Kind.LINK:
            return Seen(digest(os.fsencode(target)))
        return Seen(None, f"it is a symlink to {target}: make it a file")
    if path.is_dir():
        return Seen(None, "it is a folder: move it away")
    if kind is Kind.LINK or not path.is_file():
        return Seen(None, "it is no folder: move it away")
    try:
        data = path.read_bytes()
    except OSError as error:
        return Seen(None, f"it cannot be read ({error.strerror})")
    return Seen(digest(data)) if kind is Kind.FILE else _block_in(data)


def _block_in(data: bytes) -> Seen | None:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        return Seen(None, "it is no UTF-8 text: save it as UTF-8")
    digests = {digest(found) for found in block.find(data)}
    if len(digests) > 1:
        return Seen(None, "its marked blocks differ: leave one of them")
    if digests:
        return Seen(digests.pop())
    if block.is_torn(data):
        return Seen(None, "a marker of the block is gone: remove what is left of it")
    return None


def leads_to(link: Path) -> str:
    """Give what a link leads to, as it was made: Windows puts a prefix before it."""
    target = os.readlink(link)
    if target.startswith("\\\\?\\UNC\\"):
        return target.replace("?\\UNC\\", "", 1)
    return target.removeprefix("\\\\?\\")


def digest(data: bytes) -> str:
    """Give what content is told by."""
    # Git may have turned the line ends.
    return hashlib.sha256(data.replace(b"\r\n", b"\n")).hexdigest()


def unreachable(root: Path, path: str, our_links: Container[str] = ()) -> str:
    """Say why a path cannot be reached, "" if it can: what is above it is no folder."""
    for parent in reversed(PurePosixPath(path).parents):
        here = root / parent
        if here.is_symlink():
            # One of ours goes before anything is written below.
            return "" if str(parent) in our_links else _SYMLINK.format(here)
        if here.exists() and not here.is_dir():
            return f"{here} is a file: move it away"
    return ""


_SYMLINK = (
    "{} is a symlink, and what is behind one is not touched: make it a folder, in "
    "which links may lead to what is behind it now"
)


def behind_symlink(root: Path, path: str) -> bool:
    """Tell whether a path leads through a symlink."""
    return any((root / parent).is_symlink() for parent in PurePosixPath(path).parents)


def stands(root: Path, path: str) -> bool:
    """Tell whether a file or folder is at a path itself, behind no symlink."""
    here = root / path
    return here.exists() and not here.is_symlink() and not behind_symlink(root, path)


def staged(path: Path) -> Path:
    """Give where a file is written before it is put in its place in one step."""
    return path.with_name(f".{path.name}.{skill_folder.NAME}.new")


def compiled_of(root: Path, path: str) -> list[Path]:
    """Give what Python compiled of a module that somebody ran."""
    module = PurePosixPath(path)
    cache = module.parent / "__pycache__"
    if module.suffix != ".py" or not stands(root, str(cache)):
        return []
    return list((root / cache).glob(f"{module.stem}.cpython-*.pyc"))
