"""Work out what it takes for the skill to be there, or to be taken away.

What shall be there is compared with what is there and with the record of what was
written before. A file that somebody else wrote, or changed since, is kept and reported;
a client whose places cannot be reached, or hold another skill, is left as it is.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path, PurePosixPath

from fastapi_patterns import skill_folder
from fastapi_patterns.activation import triggers
from fastapi_patterns.install import block, clients, elsewhere, look, record
from fastapi_patterns.install.clients import Place, Scope
from fastapi_patterns.install.record import InstallError, Kind, Record


class Action(StrEnum):
    """What is done at a path."""

    CREATE = "create"
    UPDATE = "update"
    REMOVE = "remove"
    NONE = "is there"
    CHANGED = "kept, changed since it was installed"
    FOREIGN = "kept, not written by this"


_WRITING = (Action.CREATE, Action.UPDATE, Action.REMOVE)


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
        return look.digest(self.data)


@dataclass(frozen=True, slots=True)
class Step:
    """What is done at a path, with what, and why where it is not plain."""

    action: Action
    path: str
    kind: Kind
    item: Item | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What an installation does, or its removal.

    Attributes:
        root: The project's folder, or the home.
        before: What was installed.
        after: For whom it is installed then, and how.
        steps: What is done at each path.
        blocked: The clients that are left as they are, by name, and why.
        stale: Whether the folder that links lead to has to be written anew.
    """

    root: Path
    before: Record
    after: Record
    steps: list[Step]
    blocked: dict[str, str] = field(default_factory=dict)
    stale: bool = False

    @property
    def changes(self) -> list[Step]:
        """The steps that write."""
        return [step for step in self.steps if step.action in _WRITING]

    @property
    def kept(self) -> list[Step]:
        """What is in the way and stays as it is."""
        return [s for s in self.steps if s.action in (Action.CHANGED, Action.FOREIGN)]


def make(
    root: Path, scope: Scope, names: Iterable[str], *, link: bool | None = None
) -> Plan:
    """Work out what makes the skill be there for these clients, and those that have it.

    Args:
        root: The project's folder, or the user's home.
        scope: Which of the two it is.
        names: The clients.
        link: Whether to link to this installation's folder; None: as before.

    Raises:
        InstallError: The record cannot be read or reached.
    """
    before = record.read(root)
    linked = before.link if link is None else link
    names = sorted({*before.clients, *names})
    _require_record(root, names)
    wanted = {name: list(_items(_place(name, scope), scope, linked)) for name in names}
    blocked = {
        name: why
        for name, items in wanted.items()
        if (why := _moved(name, root, scope))
        or (why := _hindrance(root, _place(name, scope), items, before))
    }
    served = [name for name in names if name not in blocked]
    items = {item.path: item for name in served for item in wanted[name]}
    held = blocked.keys() & before.clients
    staying = _written_for(held, scope, before) - _written_for(served, scope, before)
    gone = before.made.keys() - items.keys() - staying
    steps = [*_going(root, before, gone), *_coming(root, before, items.values())]
    after = Record(sorted({*served, *held}), linked if served else before.link)
    _foresee(root, before, after, staying, steps)
    stale = linked and bool(served) and not skill_folder.link_is_current()
    return Plan(root, before, after, steps, blocked, stale)


def take_away(root: Path, scope: Scope, names: Iterable[str]) -> Plan:
    """Work out what takes the skill away from these clients, and changes nothing else.

    Raises:
        InstallError: The record cannot be read or reached.
    """
    before = record.read(root)
    leaving = {*names} & {*before.clients}
    _require_record(root, leaving)
    blocked = {
        name: why
        for name in sorted(leaving)
        if (why := _unreachable(root, _written_for([name], scope, before), before))
    }
    remaining = [n for n in before.clients if n not in leaving or n in blocked]
    staying = _written_for(remaining, scope, before)
    steps = list(_going(root, before, before.made.keys() - staying))
    after = Record(remaining, before.link and bool(remaining))
    _foresee(root, before, after, staying, steps)
    return Plan(root, before, after, steps, blocked)


def explain(made: Plan) -> Iterator[str]:
    """Say what a plan does: a line for the skill's folder, one for each other path."""
    if made.stale:
        yield f"update: {skill_folder.to_link_to()}"
    counts: dict[str, int] = {}
    for step in made.steps:
        if step.action is not Action.NONE:
            line = _line(step)
            counts[line] = counts.get(line, 0) + 1
    for line, count in counts.items():
        yield f"{line} ({count} files)" if line.endswith("/") else line
    if any(step.action is Action.CHANGED and step.item for step in made.steps):
        yield "for this version of what was changed: delete it and install again"
    if not counts and not made.stale and not made.blocked:
        yield "everything is as it shall be"


def _line(step: Step) -> str:
    folder, inside, _ = step.path.partition(f"/{skill_folder.NAME}/")
    if step.why:
        return f"kept: {step.path}: {step.why}"
    if inside and step.action in _WRITING:
        return f"{step.action}: {folder}{inside}"
    if step.kind is Kind.BLOCK:
        return f"{step.action}: a marked block in {step.path}"
    return f"{step.action}: {step.path}"


def state(made: Plan, path: str) -> str:
    """Give in a word how something is, compared with how it was installed."""
    if not path:
        return "none"
    there = [s for s in made.steps if s.path == path or s.path.startswith(f"{path}/")]
    actions = {step.action for step in there}
    for action, word in (
        (Action.FOREIGN, "somebody else's"),
        (Action.CHANGED, "changed"),
        (Action.CREATE, "missing"),
        (Action.UPDATE, "outdated"),
    ):
        if action in actions:
            return word
    if made.stale and any(step.kind is Kind.LINK for step in there):
        return "outdated"
    return "up to date"


def _place(name: str, scope: Scope) -> Place:
    return clients.ALL[name].place(scope)


def _require_record(root: Path, names: Collection[str]) -> None:
    """Refuse what could not be written down."""
    if names and (why := look.unreachable(root, record.FILE)):
        raise InstallError(f"{why}; nothing was written")


def _items(place: Place, scope: Scope, link: bool) -> Iterator[Item]:
    """Give what shall be there for a client."""
    contents = skill_folder.installed()
    if link:
        target = skill_folder.to_link_to()
        yield Item(place.skill, Kind.LINK, os.fsencode(target))
    else:
        for path, data in contents.items():
            yield Item(f"{place.skill}/{path}", Kind.FILE, data)
    if place.rule:
        known = triggers.read(contents["SKILL.md"].decode(), "")
        skill = place.skill if scope is Scope.PROJECT else f"~/{place.skill}"
        text = place.render(known, skill).encode()
        yield Item(place.rule, Kind.BLOCK if place.shared else Kind.FILE, text)


def _written_for(names: Iterable[str], scope: Scope, before: Record) -> set[str]:
    """Give what was written for any of these clients."""
    places = [_place(name, scope) for name in names]
    return {path for path in before.made if any(place.holds(path) for place in places)}


def _moved(name: str, root: Path, scope: Scope) -> str:
    return elsewhere.moved(name, root) if scope is Scope.USER else ""


def _hindrance(root: Path, place: Place, items: list[Item], before: Record) -> str:
    """Say why nothing can be done for a client, "" if it can."""
    paths = [item.path for item in items]
    paths += [path for path in before.made if place.holds(path)]
    if why := _unreachable(root, paths, before):
        return why
    for item in items:
        if other := _others_skill(root, item, before):
            return f"{other} was not written by this, or changed since: move it away"
    return ""


def _unreachable(root: Path, paths: Iterable[str], before: Record) -> str:
    links = [
        path
        for path, (kind, digests) in before.made.items()
        if kind is Kind.LINK
        and (seen := look.at(root / path, kind))
        and seen.digest in digests
    ]
    return next(filter(None, (look.unreachable(root, p, links) for p in paths)), "")


def _others_skill(root: Path, item: Item, before: Record) -> Path | None:
    """Give what would be mixed with, or replaced, if it is not this skill's."""
    here = root / item.path
    if item.kind is Kind.LINK and here.is_dir() and not here.is_symlink():
        return next(_strangers(root, here, before), None)
    if item.kind is Kind.LINK or item.path.endswith(f"/{skill_folder.NAME}/SKILL.md"):
        (step,) = _coming(root, before, [item])
        return here if step.action is Action.FOREIGN else None
    return None


def _strangers(root: Path, folder: Path, before: Record) -> Iterator[Path]:
    """Give a folder, and what is in it, where this did not write it as it is."""
    left_over = {each for path in before.made for each in look.compiled_of(root, path)}
    left_over |= {look.staged(root / path) for path in before.made}
    for here in (folder, *folder.rglob("*")):
        name = here.relative_to(root).as_posix()
        if here.is_dir() and not here.is_symlink():
            ours = name in before.new or here.name == "__pycache__"
        else:
            _, digests = before.made.get(name, (None, ()))
            seen = look.at(here, Kind.FILE)
            ours = here in left_over or (seen is not None and seen.digest in digests)
        if not ours:
            yield here


def _going(root: Path, before: Record, gone: Iterable[str]) -> Iterator[Step]:
    for path in sorted(gone):
        kind, digests = before.made[path]
        seen = look.at(root / path, kind)
        if seen is None or _is_replaced(root, path, kind, before):
            continue  # only the record knows of it
        action = Action.REMOVE if seen.digest in digests else Action.CHANGED
        yield Step(action, path, kind, why=seen.why)


def _is_replaced(root: Path, path: str, kind: Kind, before: Record) -> bool:
    """Tell whether a link is where a file was, or our folder where a link was."""
    folder = kind is Kind.LINK and path in before.new and look.stands(root, path)
    return folder or look.behind_symlink(root, path)


def _coming(root: Path, before: Record, items: Iterable[Item]) -> Iterator[Step]:
    for item in items:
        here = root / item.path
        seen = look.at(here, item.kind)
        _, digests = before.made.get(item.path, (None, ()))
        why = ""
        if seen is None or _gives_way(root, item):
            action = Action.CREATE
        elif seen.digest == item.digest:
            action = Action.NONE
        elif seen.digest in digests:
            action = Action.UPDATE
        else:
            action = Action.CHANGED if digests else Action.FOREIGN
            why = seen.why
        yield Step(action, item.path, item.kind, item, why)


def _gives_way(root: Path, item: Item) -> bool:
    """Tell whether all that is at a path goes: our link, or a folder before a link."""
    here = root / item.path
    folder = item.kind is Kind.LINK and here.is_dir() and not here.is_symlink()
    return folder or look.behind_symlink(root, item.path)


def _foresee(
    root: Path, before: Record, after: Record, staying: set[str], steps: list[Step]
) -> None:
    """Work out what the record will say."""
    after.made |= {path: before.made[path] for path in before.made if path in staying}
    after.glue |= {path: glue for path, glue in before.glue.items() if path in staying}
    new = {*before.new}
    made = [record.FILE] if after.clients else []
    for step in steps:
        old = before.made.get(step.path)
        if step.item is None or step.action is Action.FOREIGN:
            continue
        if step.action is Action.NONE and not old:
            continue  # what was there already is not ours to take away
        ours = (step.kind, (step.item.digest,))
        after.made[step.path] = (step.action is Action.CHANGED and old) or ours
        if step.kind is Kind.BLOCK:
            after.glue[step.path] = _glue(root, step, before)
        if step.action is Action.CREATE:
            made.append(step.path)
            if step.kind is Kind.BLOCK and not (root / step.path).exists():
                new.add(step.path)
    parents = {str(parent) for path in made for parent in PurePosixPath(path).parents}
    after.new = sorted(new | {p for p in parents if not look.stands(root, p)})


def _glue(root: Path, step: Step, before: Record) -> str:
    path = root / step.path
    if step.action is not Action.CREATE:
        return before.glue.get(step.path, "")
    return block.glue_for(path.read_bytes()) if path.exists() else ""
