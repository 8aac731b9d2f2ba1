"""What a file says for the skill, and against it: by its imports and its path."""

from __future__ import annotations

import os
import re
from fnmatch import fnmatchcase
from typing import NamedTuple

from fastapi_patterns.activation import projects, prose
from fastapi_patterns.activation.evidence import (
    CODE,
    FOREIGN,
    FOREIGN_AIM,
    IMPORTED,
    PATH,
    WORD,
    Evidence,
    total,
)
from fastapi_patterns.activation.triggers import FRAMEWORKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from fastapi_patterns.activation.triggers import Triggers

INSTALLED = ("site-packages", "node_modules")
"""The folders of what others wrote."""

READ_BYTES = 65_536
"""How much of a file is read for its imports."""

OTHER_SUFFIXES = frozenset(
    "cc cpp cs css csv dart ex go graphql html ipynb java js jsx kt lua mjs php rb rs "
    "scala scss sql svelte swift tf ts tsx vue xml".split()
)
"""Endings of files that hold no Python, and no set-up of a Python project."""

# The word of the frontmatter that a file's ending stands for.
_STANDS_FOR = {"css": "CSS", "scss": "CSS", "svelte": "Svelte", "vue": "Vue"}
_STANDS_FOR |= {"jsx": "React", "tsx": "React"}

_STRING = re.compile(
    r"(?:^|[=(,:])[ \t]*\w{0,2}(\"{3}|'{3}).*?\1", re.DOTALL | re.MULTILINE
)
_FROM = re.compile(
    r"(?:^|;)[ \t]*from[ \t]+(\w[\w.]*)[ \t]+import[ \t]*(\([^)]*|[^\n#;]*)",
    re.MULTILINE,
)
_IMPORT = re.compile(r"(?:^|;)[ \t]*import[ \t]+([\w., \t]+)", re.MULTILINE)


class File(NamedTuple):
    """A file that is worked on.

    Attributes:
        path: Its path as it was given, with slashes or backslashes.
        text: What is in it, as far as it can be read, else None.
        place: Its path from its project's folder, if that is known.
    """

    path: str
    text: str | None
    place: str = ""


def read(path: str, folder: str) -> File:
    """Give a file with the beginning of its text, if it can be read.

    Args:
        path: Where it is, from ``folder`` or absolute.
        folder: Where the agent, or the command, works.
    """
    full = os.path.abspath(os.path.join(folder, path))
    # The names of the folders above its project say nothing of the file.
    home = projects.folder_of(full, folder)
    place = os.path.relpath(full, home).replace(os.sep, "/") if home else path
    try:
        if not os.path.isfile(full):  # a pipe would be waited for
            return File(path, None, place)
        with open(full, "rb") as opened:
            data = opened.read(READ_BYTES)
    except (OSError, ValueError):
        return File(path, None, place)
    return File(path, data.decode("utf-8-sig", "replace"), place)


def imports_of(text: str) -> set[str]:
    """Give the modules that a piece of Python imports, be it complete or not.

    Of ``from a import b`` both ``a`` and ``a.b``: either may be the module.
    """
    code = _STRING.sub("", text).replace("\\\n", " ")
    found = {name for listed in _IMPORT.findall(code) for name in _listed(listed)}
    for module, listed in _FROM.findall(code):
        found |= {module, *(f"{module}.{name}" for name in _listed(listed))}
    return found


def _listed(names: str) -> Iterator[str]:
    """Give the names of a list with commas, brackets and comments in it."""
    for name in re.sub("#.*", "", names).strip("( \t").split(","):
        if words := name.split():
            yield words[0]


def matches_glob(pattern: str, path: str) -> bool:
    """Tell whether a gitignore pattern, without its ``!``, matches a path."""
    wanted = pattern.strip("/").split("/")
    if len(wanted) == 1 and not pattern.startswith("/"):
        wanted.insert(0, "**")
    if pattern.endswith("/"):
        wanted.append("**")
    return _matches(wanted, path.split("/"))


def _matches(wanted: Sequence[str], parts: Sequence[str]) -> bool:
    if not wanted:
        return not parts
    if wanted == ["**"]:
        return bool(parts)
    if wanted[0] == "**":
        return any(_matches(wanted[1:], parts[n:]) for n in range(len(parts)))
    return (
        bool(parts)
        and (wanted[0] == parts[0] or fnmatchcase(parts[0], wanted[0]))
        and _matches(wanted[1:], parts[1:])
    )


def weigh(triggers: Triggers, given: File) -> list[Evidence]:
    """Weigh a file: what it imports where that can be read, and its path."""
    path = weigh_path(triggers, given.path, given.place)
    if given.text is None or any(e.weight < 0 for e in path):
        return path
    modules = sorted(imports_of(given.text))
    ours = [m for m in modules if _within(m, triggers.imports)]
    if frameworks := [m for m in ours if _within(m, FRAMEWORKS)]:
        return [Evidence("import", frameworks[0], frameworks[0], IMPORTED, given.path)]
    foreign = [_foreign(triggers, m, given.path) for m in modules]
    for against in sorted(filter(None, foreign), key=lambda e: e.weight):
        if against.kind != "not-for-tools" or not ours:
            return [against]
    written = (
        k
        for k in triggers.keywords
        if prose.is_code(k) and prose.written(k, given.text)
    )
    found = [Evidence("import", m, m, CODE, given.path) for m in ours]
    found += [Evidence("code", k, k, CODE, given.path) for k in written]
    found += [
        Evidence("import", m, m, WORD, given.path)
        for m in modules
        if _within(m, triggers.keywords)
    ]
    return [*path, *found[:1]]


def is_told_by_its_ending(path: str) -> bool:
    """Tell whether a path's ending says that it is Python, or that it is not."""
    ending = path.rpartition(".")[2].lower()
    return ending == "py" or ending in OTHER_SUFFIXES


def weigh_path(triggers: Triggers, path: str, place: str = "") -> list[Evidence]:
    """Weigh a path by itself, and by where it is in its project if that is known."""
    slashed = (place or path).replace("\\", "/")
    normal = re.sub(r"^(?:[A-Za-z]:)?(?:\.?/)*", "", slashed)
    suffix = normal.rpartition(".")[2].lower()
    if suffix in OTHER_SUFFIXES:
        key = _named(triggers, _STANDS_FOR.get(suffix, "")) or "not-for-path"
        return [Evidence(key, "no Python", path, FOREIGN_AIM, path)]
    parts = f"{path}/{normal}".replace("\\", "/").split("/")
    if any(folder in parts for folder in INSTALLED):
        return [Evidence("not-for-path", "somebody else's", path, FOREIGN_AIM, path)]
    decided, weight = "", 0.0
    for pattern in triggers.paths:
        for glob, weighs in _globs(pattern):
            if matches_glob(glob, normal) and (weighs == PATH or not decided):
                decided, weight = ("" if pattern.startswith("!") else pattern), weighs
    return [Evidence("path", decided, path, weight, path)] if decided else []


def _globs(pattern: str) -> Iterator[tuple[str, float]]:
    """Give what a pattern matches: of backend/services/ any services is a hint."""
    glob = pattern.lstrip("!")
    yield glob, PATH
    if "/backend/" in glob:
        module = glob.replace("/**/*.py", ".py")
        yield module, PATH
        yield glob.replace("/backend/", "/"), WORD
        yield module.replace("/backend/", "/"), WORD


def _foreign(triggers: Triggers, module: str, path: str) -> Evidence | None:
    """Weigh an import of something else: a framework decides, a tool does not."""
    for package in triggers.foreign_imports:
        if _within(module, (package,)):
            key = _named(triggers, package) or "not-for-imports"
            return Evidence(key, package, module, FOREIGN_AIM, path)
    for package in triggers.foreign_tools:
        if _within(module, (package,)):
            return Evidence("not-for-tools", package, module, FOREIGN, path)
    return None


def _named(triggers: Triggers, name: str) -> str:
    """Give the ``not-for`` key of a skill to use instead that a name stands at."""
    for word, key in triggers.foreign:
        plain = word.lower().replace(" ", "_")
        if plain == name.lower() and key[len("not-for-") :] in dict(triggers.skills):
            return key
    return ""


def _within(module: str, packages: Iterable[str]) -> bool:
    """Tell whether a module is of a package, or of one of its extensions."""
    return any(
        module == p or module.startswith((f"{p}.", f"{p}_")) or f".{p}." in module
        for p in packages
    )


def decisive(judged: list[list[Evidence]]) -> list[Evidence]:
    """Take the file that speaks most for the skill, else the one most against it."""
    if not judged:
        return []
    best = max(judged, key=total)
    return best if total(best) > 0 else min(judged, key=total)
