"""The files that the blocks make, and where each of their lines comes from."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cached_property
from itertools import pairwise
from pathlib import Path, PurePosixPath

from fastapi_patterns.blocks import Block, Kind, parse_file
from fastapi_patterns.problems import Problem

FOLDER = "examples"
MANIFEST = ".extracted"

# What running the app leaves behind in examples/, which is nobody's source.
LEFTOVERS = ("__pycache__", ".env", ".venv", "*.pyc", "*.db", "*.db-*", ".*_cache")

_LONGEST = 200
_PART = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_ELLIPSIS = re.compile(r"\s*# \.\.\.")


@dataclass(frozen=True)
class File:
    """A file under examples/, made of one document's blocks in order.

    Attributes:
        path: Its path below examples/, with forward slashes.
        blocks: The blocks that make it.
    """

    path: str
    blocks: tuple[Block, ...]

    @property
    def is_python(self) -> bool:
        """Whether it is Python source."""
        return self.path.endswith(".py")

    @property
    def is_test(self) -> bool:
        """Whether pytest collects it."""
        return bool(re.fullmatch(r"test_.*\.py", PurePosixPath(self.path).name))

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """The file's line, from 1, at which each of its blocks begins."""
        starts, line = [], 1
        for number, block in enumerate(self.blocks):
            line += len(self._seam(block)) if number else 0
            starts.append(line)
            line += block.text.count("\n")
        return tuple(starts)

    @cached_property
    def text(self) -> str:
        """The file's text."""
        first, *rest = self.blocks
        return first.text + "".join(self._seam(block) + block.text for block in rest)

    def _seam(self, later: Block) -> str:
        """Blank lines between two blocks: two before a new top-level statement."""
        at_margin = later.text[:1] not in (" ", "\t")
        return "\n\n" if self.is_python and at_margin else "\n"

    def origin(self, line: int) -> tuple[Block, int]:
        """Give the block that a line of the file is from, and the document's line.

        A blank line of a seam belongs to the block above it; a line past the end of
        the file to its last line.
        """
        index = max(bisect_right(self.starts, line) - 1, 0)
        block = self.blocks[index]
        offset = min(max(line - self.starts[index], 0), block.text.count("\n") - 1)
        return block, block.line + 1 + max(offset, 0)


def collect(blocks: list[Block], root: Path) -> tuple[dict[str, File], list[Problem]]:
    """Gather the files, and check paths, homes and excerpts."""
    problems: list[Problem] = []
    place = root / FOLDER
    if place.is_symlink() or (place.exists() and not place.is_dir()):
        mend = "replace it by a real folder"
        problems.append(Problem("examples.md", 1, f"{FOLDER}/ is no folder", mend))
    homes: dict[str, list[Block]] = {}
    for block in blocks:
        if block.path is None:
            continue
        if fault := _path_fault(block.path, root):
            problems.append(_problem(block, *fault))
        elif block.kind is Kind.FILE:
            homes.setdefault(block.path, []).append(block)
    problems += _two_homes(homes)
    problems += _clashes(homes)
    files = {
        path: File(path, tuple(b for b in made if b.document == made[-1].document))
        for path, made in homes.items()
    }
    problems += filter(None, map(_syntax_fault, files.values()))
    for block in blocks:
        if block.kind is Kind.EXCERPT and not _path_fault(block.path or "", root):
            problems += _excerpt_faults(block, files)
    return files, problems


def _problem(block: Block, message: str, mend: str) -> Problem:
    return Problem(block.document, block.line, message, mend)


def _path_fault(path: str, root: Path) -> tuple[str, str] | None:
    mend = f"name a file below {FOLDER}/, as in backend/main.py"
    parts = path.split("/")
    if path.startswith(("/", "~", "\\")) or re.match(r"[A-Za-z]:", path):
        return f"the path {path!r} is absolute", mend
    if ".." in parts:
        return f"the path {path!r} climbs out of {FOLDER}/", mend
    if parts[0] == FOLDER:
        return f"the path {path!r} begins with {FOLDER}/", f"leave {FOLDER}/ out"
    for part in parts:
        if not _PART.fullmatch(part) or part.endswith(".") or _RESERVED.fullmatch(part):
            return f"the path {path!r} is no file name", mend
        if part == MANIFEST or any(fnmatch(part, name) for name in LEFTOVERS):
            return f"the path {path!r} is one that is never extracted", mend
    if len(path) > _LONGEST:
        return f"the path {path[:40]!r}... is no file name: it is too long", mend
    place = root / FOLDER
    for part in ("", *parts):
        place = place / part
        if place.is_symlink():
            return f"the path {path!r} goes through the symlink {place.name!r}", (
                "replace the symlink by a real file or folder"
            )
    if place.is_dir():
        return f"the path {path!r} is a folder", mend
    if place.exists() and not place.is_file():
        return f"the path {path!r} is no regular file", "move away what lies there"
    if any(p.is_file() for p in place.parents if p.is_relative_to(root / FOLDER)):
        return f"a folder of the path {path!r} is a file", "move the file away"
    return None


def _two_homes(homes: dict[str, list[Block]]) -> list[Problem]:
    """Find files made by two documents; the last of them, examples.md, is the home."""
    return [
        _problem(
            block,
            f"{path} has its home in {made[-1].document}:{made[-1].line} already",
            "mark this block .excerpt, or move it into that document",
        )
        for path, made in homes.items()
        for block in made
        if block.document != made[-1].document
    ]


def _clashes(homes: dict[str, list[Block]]) -> list[Problem]:
    """Find paths that a file system takes for the same, or a file as a folder."""
    problems: list[Problem] = []
    folders: dict[str, str] = {}
    spelt: dict[str, str] = {}
    for path, made in homes.items():
        for place in (*_folders(path), path):
            known = spelt.setdefault(place.casefold(), place)
            if known != place:
                message = f"the path {place!r} differs from {known!r} only by case"
                problems.append(_problem(made[0], message, "spell both the same"))
                break
        folders |= dict.fromkeys(_folders(path), path)
    for path in homes.keys() & folders.keys():
        message = f"{path!r} is a file here and a folder of {folders[path]!r}"
        problems.append(_problem(homes[path][0], message, "rename one of them"))
    return problems


def _folders(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:n]) for n in range(1, len(parts))]


def _syntax_fault(file: File) -> Problem | None:
    if not file.is_python:
        return None
    fault = parse_file(file.text)
    if fault is None:
        return None
    block, line = file.origin(fault[0])
    return Problem(block.document, line, fault[1], "mend the code")


def _excerpt_faults(block: Block, files: dict[str, File]) -> list[Problem]:
    file = files.get(block.path or "")
    if file is None:
        return [
            _problem(
                block,
                f"the excerpt's file {block.path!r} is made by no block",
                "show a file that one of the documents makes",
            )
        ]
    missing = locate_excerpt(block.text.split("\n")[:-1], file.text.split("\n")[:-1])
    if isinstance(missing, list):
        return []
    return [
        Problem(
            block.document,
            block.line + 1 + missing,
            f"this line does not follow in {block.path}",
            "copy it from there, or skip lines with a line of # ...",
        )
    ]


def locate_excerpt(excerpt: list[str], lines: list[str]) -> list[int] | int:
    """Find where an excerpt's lines stand in a file's.

    Returns:
        For each line of the excerpt the index of its line in the file, -1 for a line
        that skips; or, where it does not stand in the file, the index of the first
        excerpt line that cannot be placed.
    """
    places: list[int] = []
    position = 0
    for run in _runs(excerpt):
        wanted = excerpt[run.start : run.stop]
        start, reached = _find_run(wanted, lines, position)
        if start is None:
            return run.start + reached
        places += [-1] * (run.start - len(places))
        places += range(start, start + len(wanted))
        position = start + len(wanted)
    return places + [-1] * (len(excerpt) - len(places))


def _runs(excerpt: list[str]) -> list[range]:
    """Split the excerpt's line numbers at its skipping lines."""
    edges = [-1, *(n for n, s in enumerate(excerpt) if _ELLIPSIS.fullmatch(s))]
    edges.append(len(excerpt))
    runs = []
    for before, after in pairwise(edges):
        first, last = before + 1, after
        while first < last and not excerpt[first].strip():
            first += 1
        while last > first and not excerpt[last - 1].strip():
            last -= 1
        if first < last:
            runs.append(range(first, last))
    return runs


def _find_run(
    wanted: list[str], lines: list[str], position: int
) -> tuple[int | None, int]:
    """Give where the run stands, or how many of its lines fit at best."""
    best = 0
    for start in range(position, len(lines)):
        fitting = 0
        for want, line in zip(wanted, lines[start:], strict=False):
            if want != line:
                break
            fitting += 1
        if fitting == len(wanted):
            return start, fitting
        best = max(best, fitting)
    return None, best
