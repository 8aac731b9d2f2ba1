"""Bring the skill to where clients read it, and take it away again.

What shall be there is worked out whole, compared with what is there and with the record
of what was written before, and only then carried out: all of it, or nothing. A file
that somebody else wrote, or changed since, is kept and reported.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from fastapi_patterns import clients, rules, skill_folder, triggers
from fastapi_patterns.clients import Scope

RECORD = f".agents/{skill_folder.NAME}.installed.json"
"""Where it is written down what was written, from the project's folder or the home."""


class InstallError(RuntimeError):
    """It cannot be installed so: nothing was written."""


class Kind(StrEnum):
    """What is written at a path."""

    FILE = "file"
    LINK = "link"
    BLOCK = "block"


class Action(StrEnum):
    """What is done at a path."""

    CREATE = "create"
    UPDATE = "update"
    REMOVE = "remove"
    NONE = "is there"
    CHANGED = "kept, changed since it was installed"
    FOREIGN = "kept, not written by this"


@dataclass(frozen=True, slots=True)
class Item:
    """Something that shall be there.

    Attributes:
        path: Where, from the project's folder or the home, with slashes.
        kind: What it is.
        data: A file's or a block's text, or what a link leads to.
    """

    path: str
    kind: Kind
    data: bytes

    @property
    def digest(self) -> str:
        """What its content is told by."""
        return _digest(self.data)


@dataclass(frozen=True, slots=True)
class Step:
    """What is done at a path, and with what."""

    action: Action
    path: str
    kind: Kind
    item: Item | None = None


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


@dataclass(frozen=True, slots=True)
class Plan:
    """What an installation does.

    Attributes:
        root: The project's folder, or the home.
        before: What was installed.
        after: For whom it is installed then, and how.
        steps: What is done at each path.
    """

    root: Path
    before: Record
    after: Record
    steps: list[Step]

    @property
    def changes(self) -> list[Step]:
        """The steps that write."""
        writing = (Action.CREATE, Action.UPDATE, Action.REMOVE)
        return [step for step in self.steps if step.action in writing]

    @property
    def kept(self) -> list[Step]:
        """What is in the way and stays as it is."""
        return [s for s in self.steps if s.action in (Action.CHANGED, Action.FOREIGN)]


def plan(
    root: Path, scope: Scope, names: Iterable[str], *, link: bool | None = None
) -> Plan:
    """Work out what makes the skill be there for these clients, and for no others.

    Args:
        root: The project's folder, or the user's home.
        scope: Which of the two it is.
        names: The clients.
        link: Whether to link to this installation's folder; None: as before.

    Raises:
        InstallError: A target lies behind a symlink, the record cannot be read, or a
            file that a block goes into is no UTF-8 text.
    """
    before = read_record(root)
    linked = before.link if link is None else link
    names = sorted(set(names))
    wanted = {item.path: item for item in _wanted(scope, names, linked)}
    for path in [*wanted, RECORD]:
        if wanted and (found := _symlink_above(root, path, before)):
            raise InstallError(
                f"{found} is a symlink: what is behind it is not touched; install "
                "where it leads to, or make it a folder"
            )
    gone = {path: made for path, made in before.made.items() if path not in wanted}
    steps = [
        Step(_at_going(root, path, before), path, kind)
        for path, (kind, _) in gone.items()
    ]
    steps += [
        Step(_at_coming(root, item, before, gone), item.path, item.kind, item)
        for item in wanted.values()
    ]
    return Plan(root, before, _foresee(root, names, linked, before, steps), steps)


def apply(made: Plan) -> None:
    """Carry a plan out: all of it, or nothing.

    Raises:
        InstallError: It cannot be written; everything is as it was.
    """
    undo: list[Callable[[], object]] = []
    try:
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
    except OSError as error:
        for reverse in reversed(undo):
            reverse()
        raise InstallError(
            f"{error.filename or made.root}: {error.strerror}; everything is as it was"
        ) from error


def read_record(root: Path) -> Record:
    """Give what was installed below a folder.

    Raises:
        InstallError: The record is there and cannot be read.
    """
    path = root / RECORD
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


def explain(made: Plan) -> Iterator[str]:
    """Say what a plan does: a line for the skill's folder, one for each other path."""
    counts: dict[tuple[Action, str], int] = {}
    for step in made.steps:
        if step.action is Action.NONE:
            continue
        shown = step.path
        folder, name, _ = shown.partition(f"/{skill_folder.NAME}/")
        if name and step in made.changes:
            shown = f"{folder}{name}"
        elif step.kind is Kind.BLOCK:
            shown = f"a marked block in {shown}"
        counts[step.action, shown] = counts.get((step.action, shown), 0) + 1
    for (action, path), count in counts.items():
        files = f" ({count} files)" if path.endswith("/") else ""
        yield f"{action}: {path}{files}"
    if not counts:
        yield "everything is as it shall be"


def state(steps: list[Step], path: str) -> str:
    """Give in a word how something is, compared with how it was installed."""
    if not path:
        return "none"
    actions = {
        step.action
        for step in steps
        if step.path == path or step.path.startswith(f"{path}/")
    }
    for action, word in (
        (Action.FOREIGN, "somebody else's"),
        (Action.CHANGED, "changed"),
        (Action.CREATE, "missing"),
        (Action.UPDATE, "outdated"),
    ):
        if action in actions:
            return word
    return "up to date"


def _inside(path: str) -> str:
    """Refuse a path that leads out of the folder: a record may come from anywhere."""
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts or "\\" in path or ":" in path:
        raise ValueError(f"{path!r} leads elsewhere")
    return path


def _wanted(scope: Scope, names: list[str], link: bool) -> Iterator[Item]:
    if not names:
        return
    contents = skill_folder.installed()
    known = triggers.read(
        contents["SKILL.md"].decode(), contents["reference.md"].decode()
    )
    for name in names:
        place = clients.ALL[name].place(scope)
        if link:
            target = skill_folder.to_link_to()
            yield Item(place.skill, Kind.LINK, str(target).encode())
        else:
            for path, data in contents.items():
                yield Item(f"{place.skill}/{path}", Kind.FILE, data)
        if place.rule:
            skill = place.skill if scope is Scope.PROJECT else f"~/{place.skill}"
            text = place.render(known, skill).encode()
            yield Item(place.rule, Kind.BLOCK if place.shared else Kind.FILE, text)


def _symlink_above(root: Path, path: str, before: Record) -> Path | None:
    """Give the symlink that a path leads through, if it is not one of ours."""
    for parent in PurePosixPath(path).parents:
        ours = before.made.get(str(parent), (None,))[0] is Kind.LINK
        if (root / parent).is_symlink() and not ours and str(parent) != ".":
            return root / parent
    return None


def _at_going(root: Path, path: str, before: Record) -> Action:
    kind, digests = before.made[path]
    there = _present(root / path, kind)
    if there is None:
        return Action.REMOVE  # somebody removed it: only the record knows of it
    if there in digests and not _symlink_above(root, path, before):
        return Action.REMOVE
    return Action.CHANGED


def _at_coming(root: Path, item: Item, before: Record, gone: dict[str, Made]) -> Action:
    there = _present(root / item.path, item.kind)
    if there is None or _gives_way(root, item.path, gone):
        return Action.CREATE
    recorded = before.made.get(item.path)
    if recorded is None:
        return Action.FOREIGN
    if there == item.digest:
        return Action.NONE
    return Action.UPDATE if there in recorded[1] else Action.CHANGED


def _gives_way(root: Path, path: str, gone: dict[str, Made]) -> bool:
    """Tell whether all that is at a path goes: a link, or a folder before a link."""
    for parent in map(str, PurePosixPath(path).parents):
        if parent in gone and gone[parent][0] is Kind.LINK:
            return True
    here = root / path
    if here.is_symlink() or not here.is_dir():
        return False
    for file in here.rglob("*"):
        if not file.is_dir():
            made = gone.get(file.relative_to(root).as_posix())
            if made is None or _present(file, Kind.FILE) not in made[1]:
                return False
    return True


def _foresee(
    root: Path, names: list[str], link: bool, before: Record, steps: list[Step]
) -> Record:
    """Work out what the record will say."""
    after = Record(names, link)
    new = {name for name in before.new if (root / name).exists()}
    for step in steps:
        if step.item is None or step.action is Action.FOREIGN:
            continue
        old = before.made.get(step.path)
        if step.action is Action.CHANGED and old:
            after.made[step.path] = old
        else:
            after.made[step.path] = (step.kind, (step.item.digest,))
        if step.kind is Kind.BLOCK:
            glue = _glue(root / step.path)
            after.glue[step.path] = before.glue.get(step.path, glue)
            if not (root / step.path).exists():
                new.add(step.path)
    for path in [*after.made, RECORD]:
        parents = PurePosixPath(path).parents
        new |= {str(p) for p in parents if not (root / p).exists() or str(p) in new}
    after.new = sorted(new)
    return after


def _glue(path: Path) -> str:
    """Give the line ends that set a block off from what a file holds."""
    if not path.exists():
        return ""
    data = path.read_bytes()
    newline = "\r\n" if b"\r\n" in data else "\n"
    return "" if not data else newline if data.endswith(b"\n") else newline * 2


def _present(path: Path, kind: Kind) -> str | None:
    """Give the digest of what is at a path, "" if it is something else."""
    if kind is Kind.LINK:
        if path.is_symlink():
            return _digest(os.readlink(path).encode())
        return "" if path.exists() else None
    if path.is_symlink() or path.is_dir():
        return ""
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return ""
    if kind is Kind.FILE:
        return _digest(data)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in data:
        raise InstallError(f"{path}: it is no UTF-8 text: save it as UTF-8")
    start, end = _span(data)
    return None if start < 0 else _digest(data[start:end])


def _span(data: bytes) -> tuple[int, int]:
    """Give where the block begins and ends, -1 if there is none."""
    start = data.find(rules.BEGIN.encode())
    end = data.find(rules.END.encode(), max(start, 0))
    if start < 0 or end < 0:
        return -1, -1
    end += len(rules.END)
    for line_end in (b"\r\n", b"\n"):
        if data.startswith(line_end, end):
            return start, end + len(line_end)
    return start, end


def _digest(data: bytes) -> str:
    # Git may have turned the line ends.
    return hashlib.sha256(data.replace(b"\r\n", b"\n")).hexdigest()


def _remove(made: Plan, step: Step, undo: list[Callable[[], object]]) -> None:
    path = made.root / step.path
    if step.kind is Kind.LINK and path.is_symlink():
        _unlink(path, undo)
    elif step.kind is not Kind.LINK and path.is_file():
        data = path.read_bytes()
        left = b""
        if step.kind is Kind.BLOCK:
            start, end = _span(data)
            glue = made.before.glue.get(step.path, "").encode()
            left = data[:start].removesuffix(glue) + data[end:] if start >= 0 else data
        undo.append(lambda: _restore(path, data))
        if step.kind is Kind.BLOCK and (left or step.path not in made.before.new):
            _replace(path, left)
        else:
            path.unlink()


def _unlink(path: Path, undo: list[Callable[[], object]]) -> None:
    target = os.readlink(path)
    path.unlink()
    undo.append(lambda: path.symlink_to(target, target_is_directory=True))


def _prune(made: Plan, undo: list[Callable[[], object]]) -> None:
    """Remove the folders that were made and are empty now, the deepest first."""
    for path in made.before.made:
        if path not in made.after.made and path.endswith(".py"):
            compiled = (made.root / path).parent / "__pycache__"
            if compiled.is_dir() and not compiled.is_symlink():
                shutil.rmtree(compiled)  # of examples that somebody ran
    for name in sorted(made.before.new, key=lambda name: -name.count("/")):
        folder = made.root / name
        if folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir()):
            folder.rmdir()
            undo.append(partial(folder.mkdir, parents=True, exist_ok=True))


def _write(made: Plan, item: Item, undo: list[Callable[[], object]]) -> None:
    path = made.root / item.path
    _make_folder(path.parent, undo)
    if item.kind is Kind.LINK:
        if path.is_symlink():
            _unlink(path, undo)
        path.symlink_to(item.data.decode(), target_is_directory=True)
        undo.append(lambda: path.unlink(missing_ok=True))
        return
    data = item.data
    if item.kind is Kind.BLOCK and path.exists():
        data = _with_block(path.read_bytes(), item.data, made.after.glue[item.path])
    _replace_undoably(path, data, undo)


def _with_block(old: bytes, block: bytes, glue: str) -> bytes:
    """Put the block into a file's text: where it was, else at the end."""
    block = block.replace(b"\n", b"\r\n" if b"\r\n" in old else b"\n")
    start, end = _span(old)
    if start >= 0:
        return old[:start] + block + old[end:]
    return old + glue.encode() + block


def _make_folder(folder: Path, undo: list[Callable[[], object]]) -> None:
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for new in reversed(missing):
        new.mkdir()
        undo.append(new.rmdir)


def _write_record(
    made: Plan, undo: list[Callable[[], object]], *, old_too: bool
) -> None:
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
        "new": sorted({*after.new, *(before.new if old_too else ())}),
    }
    target = made.root / RECORD
    _make_folder(target.parent, undo)
    _replace_undoably(target, json.dumps(data, indent=1).encode() + b"\n", undo)


def _remove_record(made: Plan, undo: list[Callable[[], object]]) -> None:
    path = made.root / RECORD
    if path.is_file():
        data = path.read_bytes()
        path.unlink()
        undo.append(lambda: _restore(path, data))
    _prune(made, undo)


def _replace_undoably(
    path: Path, data: bytes, undo: list[Callable[[], object]]
) -> None:
    old = path.read_bytes() if path.exists() else None
    _replace(path, data)
    if old is None:
        undo.append(lambda: path.unlink(missing_ok=True))
    else:
        undo.append(lambda: _restore(path, old))


def _replace(path: Path, data: bytes) -> None:
    """Write a file in one step, with the mode of the one that was there."""
    staged = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        staged.write_bytes(data)
        if path.exists():
            staged.chmod(path.stat().st_mode & 0o777)
        staged.replace(path)
    except OSError:
        staged.unlink(missing_ok=True)
        raise


def _restore(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
