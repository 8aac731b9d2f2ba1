"""Check a data block by what would read it."""

from __future__ import annotations

import configparser
import json
import re
import tomllib
from collections.abc import Callable, Iterator

import yaml

from fastapi_patterns.files import File

_INSTRUCTIONS = frozenset(
    [
        "ADD",
        "ARG",
        "CMD",
        "COPY",
        "ENTRYPOINT",
        "ENV",
        "EXPOSE",
        "FROM",
        "HEALTHCHECK",
        "LABEL",
        "ONBUILD",
        "RUN",
        "SHELL",
        "STOPSIGNAL",
        "USER",
        "VOLUME",
        "WORKDIR",
    ]
)
_TREE_LINE = re.compile(r"(?P<indent>(?:[│|] {3}| {4})*)(?:[├└]── )(?P<name>\S+)")


class DataError(ValueError):
    """What reads this data refuses it; the message says why."""


def check(language: str, text: str) -> None:
    """Check a block of data on its own.

    Raises:
        DataError: The data is not what its language says.
    """
    try:
        _CHECKS.get(language, _nothing)(text)
    except DataError:
        raise
    except Exception as error:  # whatever it is, it could not be read
        raise DataError(f"no valid {language}: {error!r}") from None


def _nothing(text: str) -> None:
    """Accept a text that only people read."""


def _check_json(text: str) -> None:
    def refuse(constant: str) -> None:
        raise DataError(f"no valid json: {constant} is no JSON value")

    json.loads(text, parse_constant=refuse)


def _check_ini(text: str) -> None:
    configparser.ConfigParser().read_string(text)


def _check_dockerfile(text: str) -> None:
    logical = re.sub(r"\\\n", " ", re.sub(r"(?m)^\s*#.*\n?", "", text))
    words = [line.split()[0].upper() for line in logical.split("\n") if line.strip()]
    for word in words:
        if word not in _INSTRUCTIONS:
            raise DataError(f"no valid dockerfile: unknown instruction {word!r}")
    if next((word for word in words if word != "ARG"), None) != "FROM":
        raise DataError("no valid dockerfile: it does not begin with FROM")


def environment(text: str) -> dict[str, str]:
    """Read the assignments of a ``.env`` text.

    Raises:
        DataError: A line is no assignment, or a name is given twice.
    """
    values: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = re.fullmatch(r"([A-Za-z_]\w*)=(.*)", line)
        if not found:
            raise DataError(f"line {number} is no NAME=value: {line!r}")
        if found[1] in values:
            raise DataError(f"line {number} gives {found[1]} again")
        values[found[1]] = found[2]
    return values


def check_tree(text: str, files: dict[str, File]) -> None:
    """Check that a folder tree shows what is in examples/.

    Every name in it must exist, and a folder whose content is shown is shown whole,
    unless it holds a line ``...``; ``__init__.py`` may always be left out.

    Raises:
        DataError: The tree shows something that is not there, or leaves something out.
    """
    known = set(files)
    for path in files:
        known.update(path[: m.start()] for m in re.finditer("/", path))
    shown: dict[str, set[str]] = {}
    for path in _tree_paths(text):
        folder, _, name = path.rpartition("/")
        shown.setdefault(folder, set()).add(name)
        if name != "..." and path not in known:
            raise DataError(f"the tree shows {path}, which no block makes")
    for folder, names in shown.items():
        there = {
            path.removeprefix(f"{folder}/").split("/")[0]
            for path in known
            if path.startswith(f"{folder}/")
        }
        left_out = sorted(there - names - {"__init__.py"})
        if left_out and "..." not in names:
            raise DataError(f"the tree leaves {folder}/{left_out[0]} out")


def _tree_paths(text: str) -> Iterator[str]:
    first, *lines = text.rstrip().split("\n")
    above = [first.split("#")[0].strip().rstrip("/")]
    for number, line in enumerate(lines, 2):
        found = _TREE_LINE.match(line)
        if not found or len(found["indent"]) // 4 >= len(above):
            raise DataError(f"line {number} is no line of a tree: {line!r}")
        depth = len(found["indent"]) // 4 + 1
        above[depth:] = [found["name"].rstrip("/")]
        yield "/".join(above)


_CHECKS: dict[str, Callable[[str], object]] = {
    "toml": tomllib.loads,
    "yaml": yaml.safe_load,
    "json": _check_json,
    "ini": _check_ini,
    "dockerfile": _check_dockerfile,
    "dotenv": environment,
}
