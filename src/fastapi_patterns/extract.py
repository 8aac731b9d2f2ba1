"""Write examples/ as the documents say, or show where it differs.

``examples/.extracted`` lists what the last extraction wrote, in the form that
``sha256sum --check`` reads. It tells a file that is merely old from one that somebody
edited: an edit is never lost, but kept aside under ``.kept/``.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from fastapi_patterns.bundle import Bundle
from fastapi_patterns.files import LEFTOVERS, MANIFEST

KEPT = ".kept"
_STAGE = ".extract-"


@dataclass(slots=True)
class Changes:
    """How examples/ differs from the documents, as paths below it.

    Attributes:
        written: Files to write, with their new text.
        removed: Files that no block makes.
        edited: Those of both that somebody changed since the last extraction.
        kept: Where the edited ones were moved, once extraction has run.
    """

    written: dict[str, str] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    edited: list[str] = field(default_factory=list)
    kept: Path | None = None

    def __bool__(self) -> bool:
        return bool(self.written or self.removed)


def digest(text: str) -> str:
    """Give the SHA-256 of a file's text, as the manifest holds it."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _manifest_text(digests: dict[str, str]) -> str:
    return "".join(f"{digests[path]}  {path}\n" for path in sorted(digests))


def write_manifest(examples: Path, digests: dict[str, str]) -> None:
    """Note the digests of the files that the documents and examples/ agree on."""
    part = examples / f"{MANIFEST}.part"
    part.write_text(_manifest_text(digests), "utf-8")
    part.replace(examples / MANIFEST)


def read_manifest(examples: Path) -> dict[str, str]:
    """Give the digest of each file that the last extraction wrote, by path."""
    try:
        lines = (examples / MANIFEST).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    return {path: sha for sha, _, path in (line.partition("  ") for line in lines)}


def compare(bundle: Bundle) -> Changes:
    """Find how examples/ differs from the documents; nothing is written."""
    wanted = {path: file.text for path, file in bundle.files.items()}
    manifest = read_manifest(bundle.examples)
    changes = Changes()
    listed = _manifest_text({path: digest(text) for path, text in wanted.items()})
    for path, text in {**wanted, MANIFEST: listed}.items():
        present = read_text(bundle.examples / path)
        if present == text:
            continue
        changes.written[path] = text
        if path != MANIFEST and present is not None:
            _note_edit(path, present, manifest, changes)
    for path in present_files(bundle.examples):
        if path not in wanted:
            changes.removed.append(path)
            present = read_text(bundle.examples / path) or ""
            _note_edit(path, present, manifest, changes)
    return changes


def _note_edit(
    path: str, present: str, manifest: dict[str, str], changes: Changes
) -> None:
    if manifest.get(path) != digest(present):
        changes.edited.append(path)


def read_text(path: Path) -> str | None:
    """Give a file's text with its own line ends, or None where there is none."""
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None


def present_files(examples: Path) -> Iterator[str]:
    """List the files in examples/ that could be somebody's source."""
    for folder, names, files in os.walk(examples):
        place = Path(folder)
        names[:] = sorted(n for n in names if not _is_leftover(place / n))
        for name in sorted(files):
            path = place / name
            is_source = path.is_symlink() or path.is_file()
            if is_source and not _is_leftover(path) and path != examples / MANIFEST:
                yield path.relative_to(examples).as_posix()


def _is_leftover(path: Path) -> bool:
    return any(path.match(pattern) for pattern in LEFTOVERS)


def diff(bundle: Bundle, changes: Changes) -> str:
    """Show the changes as a unified diff, from examples/ to the documents."""
    parts: list[str] = []
    removed = dict.fromkeys(changes.removed, "")
    for path, text in {**changes.written, **removed}.items():
        if path == MANIFEST:
            continue
        present = read_text(bundle.examples / path)
        name = f"examples/{path}"
        parts += difflib.unified_diff(
            (present or "").splitlines(keepends=True),
            text.splitlines(keepends=True),
            name if present is not None else os.devnull,
            os.devnull if path in removed else name,
        )
    return "".join(
        part if part.endswith("\n") else f"{part}\n\\ No newline at end of file\n"
        for part in parts
    )


def extract(bundle: Bundle) -> Changes:
    """Make examples/ equal to the documents, all of it or nothing.

    What somebody edited is copied aside first, new texts are staged, and only then
    each is renamed into place. When any step fails or is interrupted, what was there
    before is put back. Unchanged files are not touched.

    Raises:
        OSError: Something could not be written; examples/ is as it was.
    """
    changes = compare(bundle)
    if not changes:
        return changes
    for stale in bundle.root.glob(f"{_STAGE}*"):  # of a run that was killed
        shutil.rmtree(stale, ignore_errors=True)
    bundle.examples.mkdir(parents=True, exist_ok=True)
    stage = Path(tempfile.mkdtemp(prefix=_STAGE, dir=bundle.root))
    try:
        for path, text in changes.written.items():
            staged = stage / "new" / path
            staged.parent.mkdir(parents=True, exist_ok=True)
            staged.write_bytes(text.encode())
        if changes.edited:
            changes.kept = _keep(bundle, changes.edited)
        _swap(bundle.examples, stage, changes)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    _remove_empty_folders(bundle.examples)
    return changes


def _keep(bundle: Bundle, edited: list[str]) -> Path:
    """Copy what somebody had edited aside, into a folder of its own."""
    kept = bundle.root / KEPT / datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    for path in edited:
        (kept / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(bundle.examples / path, kept / path, follow_symlinks=False)
    return kept


def _swap(examples: Path, stage: Path, changes: Changes) -> None:
    done: list[str] = []
    try:
        for path in (*changes.written, *changes.removed):
            done.append(path)
            _move(examples / path, stage / "old" / path)
            _move(stage / "new" / path, examples / path)
    except BaseException:
        for path in reversed(done):
            if os.path.lexists(stage / "old" / path):
                _move(stage / "old" / path, examples / path)
            elif path in changes.written and not (stage / "new" / path).exists():
                (examples / path).unlink(missing_ok=True)
        raise


def _move(source: Path, target: Path) -> None:
    if os.path.lexists(source):
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)


def _remove_empty_folders(examples: Path) -> None:
    for folder, names, files in os.walk(examples, topdown=False):
        place = Path(folder)
        if place != examples and not files and set(names) <= {"__pycache__"}:
            if names:
                shutil.rmtree(place / "__pycache__", ignore_errors=True)
            if not any(place.iterdir()):
                place.rmdir()
