"""Work out what it takes for the skill to be there, for some clients and no others.

What shall be there is compared with what is there and with the record of what was
written before. A file that somebody else wrote, or changed since, is kept and reported.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

from fastapi_patterns import skill_folder
from fastapi_patterns.activation import triggers
from fastapi_patterns.install import block, clients, record
from fastapi_patterns.install.clients import Scope
from fastapi_patterns.install.record import InstallError, Kind, Made, Record


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


def make(
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
    before = record.read(root)
    linked = before.link if link is None else link
    names = sorted(set(names))
    wanted = {item.path: item for item in _wanted(scope, names, linked)}
    for path in [*wanted, record.FILE]:
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
    _refuse_others_skills(root, steps)
    return Plan(root, before, _foresee(root, names, linked, before, steps), steps)


def _refuse_others_skills(root: Path, steps: list[Step]) -> None:
    """Refuse to mix with a skill, or to replace a folder, that is somebody else's."""
    for step in steps:
        whole = step.kind is Kind.LINK or step.path.endswith("/SKILL.md")
        if step.action is Action.FOREIGN and step.item and whole:
            raise InstallError(
                f"{root / step.path} was not written by this, or holds what was not: "
                "move it away; nothing was written"
            )


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


def _wanted(scope: Scope, names: list[str], link: bool) -> Iterator[Item]:
    if not names:
        return
    contents = skill_folder.installed()
    known = triggers.read(contents["SKILL.md"].decode(), "")
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
        here = root / parent
        if (
            here.is_symlink()
            and str(parent) != "."
            and not _is_ours(here, parent, before)
        ):
            return here
    return None


def _is_ours(link: Path, name: PurePosixPath, before: Record) -> bool:
    kind, digests = before.made.get(str(name), (None, ()))
    return kind is Kind.LINK and present(link, Kind.LINK) in digests


def _at_going(root: Path, path: str, before: Record) -> Action:
    kind, digests = before.made[path]
    there = present(root / path, kind)
    if there is None:
        return Action.REMOVE  # somebody removed it: only the record knows of it
    if there in digests and not _symlink_above(root, path, before):
        return Action.REMOVE
    return Action.CHANGED


def _at_coming(root: Path, item: Item, before: Record, gone: dict[str, Made]) -> Action:
    there = present(root / item.path, item.kind)
    if there is None or _gives_way(root, item.path, gone):
        return Action.CREATE
    if there == item.digest:
        return Action.NONE
    recorded = before.made.get(item.path)
    if recorded is None:
        return Action.FOREIGN
    return Action.UPDATE if there in recorded[1] else Action.CHANGED


def _gives_way(root: Path, path: str, gone: dict[str, Made]) -> bool:
    """Tell whether all that is at a path goes: a link, or a folder before a link."""
    for parent in map(str, PurePosixPath(path).parents):
        kind, digests = gone.get(parent, (None, ()))
        if kind is Kind.LINK and present(root / parent, Kind.LINK) in digests:
            return True
    here = root / path
    if here.is_symlink() or not here.is_dir():
        return False
    for file in here.rglob("*"):
        if not file.is_dir() and file.parent.name != "__pycache__":
            _, digests = gone.get(file.relative_to(root).as_posix(), (None, ()))
            if present(file, Kind.FILE) not in digests:
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
            path = root / step.path
            glue = block.glue_for(path.read_bytes()) if path.exists() else ""
            if step.action is not Action.CREATE:
                glue = before.glue.get(step.path, "")
            after.glue[step.path] = glue
            if not path.exists():
                new.add(step.path)
    for name in [*after.made, record.FILE]:
        parents = PurePosixPath(name).parents
        new |= {str(p) for p in parents if not (root / p).exists() or str(p) in new}
    after.new = sorted(new)
    return after


def present(path: Path, kind: Kind) -> str | None:
    """Give the digest of what is at a path, "" if it is something else."""
    if kind is Kind.LINK:
        if path.is_symlink():
            return _digest(os.readlink(path).encode())
        return "" if path.exists() else None
    if not os.path.lexists(path):
        return None
    if path.is_symlink() or not path.is_file():  # no folder, no pipe
        return ""
    try:
        data = path.read_bytes()
    except OSError:
        return ""
    if kind is Kind.FILE:
        return _digest(data)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in data:
        raise InstallError(f"{path}: it is no UTF-8 text: save it as UTF-8")
    there = {_digest(found) for found in block.find(data)}
    return there.pop() if len(there) == 1 else "" if there else None


def _digest(data: bytes) -> str:
    # Git may have turned the line ends.
    return hashlib.sha256(data.replace(b"\r\n", b"\n")).hexdigest()
