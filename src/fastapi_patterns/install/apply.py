"""Carry a plan out: all of it, or nothing."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath

from fastapi_patterns.install import block, look, record
from fastapi_patterns.install.plan import Action, Item, Plan, Step
from fastapi_patterns.install.record import InstallError, Kind

Undo = list[Callable[[], object]]


def carry_out(made: Plan) -> None:
    """Carry a plan out: all of it, or nothing.

    Raises:
        InstallError: It cannot be written; everything is as it was.
    """
    undo: Undo = []
    try:
        _sweep(made)
        if made.after.clients:
            # First, so that what a crash leaves half-way is known.
            _write_record(made, undo, old_too=True)
        for step in made.changes:
            if step.action is Action.REMOVE:
                _remove(made, step, undo)
        _prune(made, undo)
        for step in made.changes:
            if step.item is not None:
                _write(made, step.item, undo)
        if made.after.clients:
            _write_record(made, undo, old_too=False)
        else:
            _remove_record(made, undo)
    except BaseException as error:
        for reverse in reversed(undo):
            reverse()
        if isinstance(error, OSError):
            raise InstallError(
                f"{error.filename2 or error.filename or made.root}: {error.strerror}; "
                "everything is as it was"
            ) from error
        raise


def sweep(root: Path) -> None:
    """Remove what is left of an installation that was killed as it wrote its record."""
    staged = look.staged(root / record.FILE)
    if staged.is_file() and not look.unreachable(root, record.FILE):
        staged.unlink()
        if _is_empty(staged.parent):
            staged.parent.rmdir()


def _sweep(made: Plan) -> None:
    """Remove what an installation that was killed had staged."""
    for path in {*made.before.made, *made.after.made, record.FILE}:
        if not look.unreachable(made.root, path):
            look.staged(made.root / path).unlink(missing_ok=True)


def _remove(made: Plan, step: Step, undo: Undo) -> None:
    path = made.root / step.path
    if step.kind is Kind.LINK and path.is_symlink():
        _unlink(path, undo)
    elif step.kind is not Kind.LINK and path.is_file():
        data, mode = path.read_bytes(), path.stat().st_mode
        left = b""
        if step.kind is Kind.BLOCK:
            _require_writable(path)
            left = block.take(data, made.before.glue.get(step.path, ""))
        undo.append(lambda: _restore(path, data, mode))
        if left.strip() or (
            step.kind is Kind.BLOCK and step.path not in made.before.new
        ):
            _replace(path, left)
        else:
            path.unlink()


def _unlink(path: Path, undo: Undo) -> None:
    target = os.readlink(path)
    path.unlink()
    undo.append(lambda: path.symlink_to(target, target_is_directory=True))


def _prune(made: Plan, undo: Undo) -> None:
    """Remove the folders that were made and are empty now, the deepest first."""
    for path in made.before.made:
        if path not in made.after.made and path.endswith(".py"):
            _remove_compiled(made.root, path)
    for name in sorted(made.before.new, key=lambda name: -name.count("/")):
        folder = made.root / name
        if look.stands(made.root, name) and _is_empty(folder):
            folder.rmdir()
            undo.append(partial(folder.mkdir, parents=True, exist_ok=True))


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())


def _remove_compiled(root: Path, path: str) -> None:
    for compiled in look.compiled_of(root, path):
        compiled.unlink()
    cache = str(PurePosixPath(path).parent / "__pycache__")
    if look.stands(root, cache) and _is_empty(root / cache):
        (root / cache).rmdir()


def _write(made: Plan, item: Item, undo: Undo) -> None:
    path = made.root / item.path
    _make_folder(path.parent, undo)
    if item.kind is Kind.LINK:
        if path.is_symlink():
            _unlink(path, undo)
        path.symlink_to(os.fsdecode(item.data), target_is_directory=True)
        undo.append(lambda: path.unlink(missing_ok=True))
        return
    data = item.data
    if item.kind is Kind.BLOCK and path.exists():
        data = block.put(path.read_bytes(), item.data, made.after.glue[item.path])
    _replace_undoably(path, data, undo)


def _make_folder(folder: Path, undo: Undo) -> None:
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for new in reversed(missing):
        new.mkdir()
        undo.append(new.rmdir)


def _write_record(made: Plan, undo: Undo, *, old_too: bool) -> None:
    before, after = made.before, made.after
    entries: dict[str, list[str]] = {}
    for path, (kind, digests) in after.made.items():
        old = before.made.get(path, (kind, ()))[1] if old_too else ()
        entries[path] = [kind, *dict.fromkeys((*digests, *old))]
    if old_too:
        for path, (kind, digests) in before.made.items():
            entries.setdefault(path, [kind, *digests])
    data = {
        "clients": after.clients,
        "link": after.link,
        "made": dict(sorted(entries.items())),
        "glue": {**(before.glue if old_too else {}), **after.glue},
        "new": after.new if old_too else [*_still_new(made)],
    }
    target = made.root / record.FILE
    _make_folder(target.parent, undo)
    _replace_undoably(target, json.dumps(data, indent=1).encode() + b"\n", undo)


def _still_new(made: Plan) -> Iterator[str]:
    """Give what was made and is there still, or leads to what is out of reach."""
    after = made.after.made
    for name in made.after.new:
        leads = any(path.startswith(f"{name}/") for path in after)
        shared = name in after and after[name][0] is Kind.BLOCK
        if leads or shared or look.stands(made.root, name):
            yield name


def _remove_record(made: Plan, undo: Undo) -> None:
    path = made.root / record.FILE
    if path.is_file():
        data, mode = path.read_bytes(), path.stat().st_mode
        path.unlink()
        undo.append(lambda: _restore(path, data, mode))
    _prune(made, undo)


def _replace_undoably(path: Path, data: bytes, undo: Undo) -> None:
    if path.exists():
        old, mode = path.read_bytes(), path.stat().st_mode
        if old == data:
            return
        _require_writable(path)
        undo.append(lambda: _restore(path, old, mode))
    else:
        undo.append(lambda: path.unlink(missing_ok=True))
    _replace(path, data)


def _require_writable(path: Path) -> None:
    if not path.stat().st_mode & stat.S_IWUSR:
        raise PermissionError(errno.EACCES, "it is read-only", str(path))


def _replace(path: Path, data: bytes) -> None:
    """Write a file in one step, with the mode of the one that was there."""
    staged = look.staged(path)
    try:
        staged.write_bytes(data)
        if path.exists():
            staged.chmod(stat.S_IMODE(path.stat().st_mode))
        staged.replace(path)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise


def _restore(path: Path, data: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(stat.S_IMODE(mode))
