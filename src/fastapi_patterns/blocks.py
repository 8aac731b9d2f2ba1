"""What each fenced block of the documents is: the document contract's kinds."""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass
from enum import StrEnum

from fastapi_patterns.documents import Document
from fastapi_patterns.info_string import InfoString, InfoStringError
from fastapi_patterns.markdown import Fence
from fastapi_patterns.problems import Problem
from fastapi_patterns.versions import Bound, holds

PROGRAM_LANGUAGE = "python"
SESSION_LANGUAGE = "console"
DATA_LANGUAGES = ("toml", "yaml", "json", "ini", "dotenv", "dockerfile", "text")


class Kind(StrEnum):
    """The kinds of block, in the contract's order."""

    FILE = "file"
    EXCERPT = "excerpt"
    PROGRAM = "program"
    MISTAKE = "mistake"
    SINCE = "since"
    SESSION = "session"
    DATA = "data"


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block, classed.

    Attributes:
        document: The document's name.
        line: The line of the opening fence, from 1.
        kind: What the block is.
        language: The fence's language.
        text: The block's text; it begins at ``line + 1``.
        section: The nearest heading above it.
        path: The file under examples/ that it makes or shows.
        raises: What a mistake must raise, as ``Type: part of the message``.
        since: The first release that it holds for.
        until: The first release that it holds for no more.
        at_margin: Whether it stands in no list or quote.
    """

    document: str
    line: int
    kind: Kind
    language: str
    text: str
    section: str
    path: str | None = None
    raises: str | None = None
    since: Bound | None = None
    until: Bound | None = None
    at_margin: bool = True

    @property
    def location(self) -> str:
        """The block's place, as ``reference.md:212``."""
        return f"{self.document}:{self.line}"

    @property
    def holds_here(self) -> bool:
        """Whether it should hold at the installed versions."""
        return holds(self.since, self.until)


def class_all(documents: list[Document]) -> tuple[list[Block], list[Problem]]:
    """Class every fence of the documents; what fits no kind is a problem."""
    blocks: list[Block] = []
    problems: list[Problem] = []
    for document in documents:
        for fence in document.page.fences:
            try:
                blocks.append(_class(document.name, fence))
            except InfoStringError as error:
                problems.append(
                    Problem(document.name, fence.line, str(error), error.mend)
                )
            except _TextError as error:
                line = fence.line + error.line
                problems.append(Problem(document.name, line, str(error), error.mend))
    return blocks, problems


class _TextError(ValueError):
    """A fault in a block's text, at a line of it, from 1."""

    def __init__(self, line: int, message: str, mend: str) -> None:
        super().__init__(message)
        self.line = line
        self.mend = mend


def _class(document: str, fence: Fence) -> Block:
    info = InfoString.parse(fence.info)
    kind = _kind(info)
    block = Block(
        document=document,
        line=fence.line,
        kind=kind,
        language=info.language,
        text=fence.text,
        section=fence.section,
        path=info.attributes.get("title"),
        raises=info.attributes["raises"].strip()
        if "raises" in info.attributes
        else None,
        since=_bound(info, "since"),
        until=_bound(info, "until"),
        at_margin=fence.at_margin,
    )
    if block.raises is not None:
        _check_raises(block.raises)
    if kind in (Kind.PROGRAM, Kind.SINCE, Kind.MISTAKE):
        _check_program(block)
    elif kind is not Kind.FILE and not block.text.strip():
        raise _TextError(0, "the block is empty", "write it, or remove it")
    return block


def _kind(info: InfoString) -> Kind:
    kind = _kind_of_python(info) if info.language == PROGRAM_LANGUAGE else _other(info)
    known: dict[Kind, tuple[set[str], set[str]]] = {
        Kind.FILE: ({"title"}, set()),
        Kind.EXCERPT: ({"title"}, {"excerpt"}),
        Kind.PROGRAM: (set(), set()),
        Kind.MISTAKE: ({"raises", "since", "until"}, {"mistake"}),
        Kind.SINCE: ({"since", "until"}, set()),
        Kind.SESSION: (set(), set()),
        Kind.DATA: (set(), {"tree"} if info.language == "text" else set()),
    }
    attributes, classes = known[kind]
    for name in (set(info.attributes) - attributes) | (set(info.classes) - classes):
        raise InfoStringError(
            f"{name!r} does not go with a block that is {_article(kind)}",
            "remove it, or make the block another kind",
        )
    return kind


def _kind_of_python(info: InfoString) -> Kind:
    if "excerpt" in info.classes:
        return _titled(info, Kind.EXCERPT)
    if "title" in info.attributes:
        return Kind.FILE
    if "raises" in info.attributes and "mistake" in info.classes:
        raise InfoStringError(
            "a mistake either raises or shows its harm",
            "keep raises=… or .mistake, not both",
        )
    if "raises" in info.attributes or "mistake" in info.classes:
        return Kind.MISTAKE
    return Kind.SINCE if {"since", "until"} & set(info.attributes) else Kind.PROGRAM


def _other(info: InfoString) -> Kind:
    if "excerpt" in info.classes:
        return _titled(info, Kind.EXCERPT)
    if "title" in info.attributes:
        return Kind.FILE
    if info.language == SESSION_LANGUAGE:
        return Kind.SESSION
    if info.language == "text" and "tree" not in info.classes:
        raise InfoStringError(
            "a text block is checked by nothing",
            "mark a folder tree as text {.tree}, or write it as prose",
        )
    if info.language in DATA_LANGUAGES:
        return Kind.DATA
    known = ", ".join((PROGRAM_LANGUAGE, SESSION_LANGUAGE, *DATA_LANGUAGES))
    raise InfoStringError(
        f"nothing checks a block of language {info.language!r}",
        f'known: {known}; or title="path" for a file under examples/',
    )


def _titled(info: InfoString, kind: Kind) -> Kind:
    if "title" not in info.attributes:
        raise InfoStringError(
            "an excerpt names no file", 'add title="path" of the file it shows'
        )
    return kind


def _article(kind: Kind) -> str:
    return f"an {kind}" if kind is Kind.EXCERPT else f"a {kind}"


def _bound(info: InfoString, name: str) -> Bound | None:
    if name not in info.attributes:
        return None
    try:
        return Bound.parse(info.attributes[name])
    except ValueError as error:
        raise InfoStringError(
            f"{name}: {error}", f'write {name}="0.135" or {name}="sqlalchemy 2.1"'
        ) from None


def _check_raises(raises: str) -> None:
    if not re.fullmatch(r"[A-Za-z_][\w.]*(: .+)?", raises):
        raise InfoStringError(
            f"cannot read raises={raises!r}",
            'write raises="Type: part of its message"',
        )


def _check_program(block: Block) -> None:
    if block.raises and block.raises.startswith(("SyntaxError", "IndentationError")):
        return
    _compile(block.text)
    shows_harm = block.kind is Kind.MISTAKE and block.raises is None
    if shows_harm and not _asserts(block.text):
        raise _TextError(
            0,
            "the mistake asserts no harm, so it cannot stop biting",
            'assert the harm, or say raises="Type: message"',
        )


def _asserts(text: str) -> bool:
    return any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(text)))


def _compile(text: str) -> None:
    """Compile Python, and throw it away; a syntax warning is an error too."""
    if not text.strip():
        raise _TextError(0, "the block is empty", "write it, or remove it")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            compile(text, "<block>", "exec", dont_inherit=True)
    except SyntaxError as error:
        line = error.lineno or 1
        message = f"this is no valid Python ({error.msg})"
        raise _TextError(line, message, "mend the code") from None
    except (ValueError, RecursionError, MemoryError) as error:
        message = f"Python cannot compile this ({type(error).__name__}: {error})"
        raise _TextError(1, message, "mend the code") from None


def parse_file(text: str) -> tuple[int, str] | None:
    """Give the line and the reason why a Python file does not parse, or None."""
    try:
        _compile(text) if text.strip() else None
    except _TextError as error:
        return error.line, str(error)
    return None
