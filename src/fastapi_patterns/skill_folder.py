"""The skill as the folder that clients read: what a bundle and the wheel carry."""

from __future__ import annotations

import io
import shutil
import tempfile
import zipfile
from functools import lru_cache
from importlib import resources
from pathlib import Path

from fastapi_patterns import bundle, files
from fastapi_patterns.bundle import Bundle
from fastapi_patterns.documents import NAMES
from fastapi_patterns.problems import ContractError

NAME = "fastapi-patterns"
LICENCE = "LICENSE"
IN_WHEEL = f".agents/skills/{NAME}"

# A project's own lint, where this is installed, is for its own code and Markdown.
_RUFF = b"""\
# What is here was linted where it was written: a project's own rules are not for it.
exclude = ["*"]
"""

# The first moment that a zip can name: no date of building is in the bytes.
_EPOCH = (1980, 1, 1, 0, 0, 0)

Contents = dict[str, bytes]
"""What is in the folder, by path with slashes."""


class ForeignFolderError(RuntimeError):
    """A folder is in the way that is not this skill's."""


def of_documents(found: Bundle) -> Contents:
    """Make the folder's contents from the documents."""
    contents = {
        document.name: document.text.encode() for document in found.documents.values()
    }
    licence = (found.root / LICENCE).read_bytes()
    contents[LICENCE] = licence.replace(b"\r\n", b"\n")
    contents["ruff.toml"] = _RUFF
    for path, file in found.files.items():
        contents[f"{files.FOLDER}/{path}"] = file.text.encode()
    return dict(sorted(contents.items()))


def installed() -> Contents:
    """Give what this installation carries, whatever else lies in its folder.

    Raises:
        ContractError: It is a checkout whose documents break the contract.
    """
    folder = home()
    changed = tuple((folder / name).stat().st_mtime_ns for name in NAMES)
    return dict(_made_of(folder, changed))


@lru_cache(maxsize=1)
def _made_of(folder: Path, changed: tuple[int, ...]) -> Contents:
    """Read the documents, which takes most of a second, once per change of them."""
    return of_documents(bundle.read(folder))


def document(name: str) -> str:
    """Give the text of one of this installation's documents, unchecked."""
    return (home() / name).read_text(encoding="utf-8")


def home() -> Path:
    """Give the folder that this installation's documents lie in."""
    folder = in_wheel()
    return folder if folder.is_dir() else checkout()


def to_link_to() -> Path:
    """Give the folder that a link to this installation's skill leads to."""
    folder = in_wheel()
    return folder if folder.is_dir() else checkout() / "build" / NAME


def prepare_link() -> None:
    """Bring the folder up to date that links lead to, where it is a checkout's."""
    if not in_wheel().is_dir():
        write(installed(), to_link_to())


def link_is_current() -> bool:
    """Tell whether the folder that links lead to holds what this installation does."""
    return installed().items() <= read(to_link_to()).items()


def in_wheel() -> Path:
    """Give where the wheel's folder lies, if this was installed from a wheel."""
    return Path(str(resources.files("fastapi_patterns"))).joinpath(IN_WHEEL)


def checkout() -> Path:
    """Give the checkout's folder, if this was installed from one."""
    return Path(__file__).parents[2]


def read(folder: Path) -> Contents:
    """Read a skill's folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def write(contents: Contents, folder: Path) -> None:
    """Put the contents at ``folder``, in one step, in place of an older one of ours.

    Raises:
        ForeignFolderError: Something else is there; it is left as it is.
        OSError: It cannot be written; what was there is there still.
    """
    if folder.is_symlink() or (folder.exists() and not is_ours(folder)):
        raise ForeignFolderError(f"{folder} is not a folder of {NAME}: move it away")
    for path in sorted(read(folder).keys() - contents.keys() - _built_at(folder)):
        raise ForeignFolderError(f"{folder / path} was not built: move it away")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{NAME}-", dir=folder.parent) as scratch:
        staged, old = Path(scratch, "new"), Path(scratch, "old")
        for path, data in contents.items():
            target = staged / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        if folder.exists():
            folder.rename(old)
        try:
            staged.rename(folder)
        except OSError:
            if old.exists():
                old.rename(folder)
            raise


def _built_at(folder: Path) -> set[str]:
    """Give what a folder's own documents, of whichever version, make of it."""
    try:
        return {*of_documents(bundle.read(folder))}
    except (ContractError, OSError):
        return set()


def is_ours(folder: Path) -> bool:
    """Tell whether a folder holds this skill, of whichever version."""
    try:
        head = (folder / "SKILL.md").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return head.startswith("---") and f"\nname: {NAME}\n" in head[:2000]


def archive(contents: Contents) -> bytes:
    """Make a zip that holds the folder: the same bytes for the same contents.

    It is stored, not compressed: compressors differ from machine to machine.
    """
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as zipped:
        for path, data in sorted(contents.items()):
            entry = zipfile.ZipInfo(f"{NAME}/{path}", _EPOCH)
            entry.create_system = 3  # Unix, wherever it is made
            entry.external_attr = 0o100644 << 16
            zipped.writestr(entry, data)
    return made.getvalue()


def write_archive(contents: Contents, path: Path) -> None:
    """Write the zip, in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{NAME}-", dir=path.parent) as scratch:
        staged = Path(scratch, path.name)
        staged.write_bytes(archive(contents))
        shutil.move(staged, path)
