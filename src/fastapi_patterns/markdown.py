"""A Markdown text as a list of its fences, by CommonMark.

What only looks like a fence, and code that is no fence, is reported: a block that the
reader of the page sees and the engine does not would be an unproven one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

# Inline text and link definitions are not ours: only the blocks are read.
_PARSER = MarkdownIt("commonmark").disable(["inline", "reference"])

_LOOKS_LIKE_A_FENCE = re.compile(
    r"[\s>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*(?:`{3,}[^`]*|~{3,}.*)"
)


@dataclass(frozen=True, slots=True)
class Fence:
    """A fenced block.

    Attributes:
        info: The words behind the opening fence.
        text: The block's text, without the fences and their indentation.
        line: The line of the opening fence, from 1.
        section: The nearest heading above it, without its marks.
        at_margin: Whether it stands in no list or quote and is not indented.
    """

    info: str
    text: str
    line: int
    section: str
    at_margin: bool


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading: its level (1 to 6), its text and its line, from 1."""

    level: int
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Oddity:
    """Something in the text that is no proper fence: line, what, and the mend."""

    line: int
    message: str
    mend: str


@dataclass(frozen=True, slots=True)
class Page:
    """What a Markdown text holds, in order."""

    headings: tuple[Heading, ...]
    fences: tuple[Fence, ...]
    oddities: tuple[Oddity, ...]


def read(text: str) -> Page:
    """Read a Markdown text; its line ends must be line feeds."""
    lines = text.split("\n")
    tokens = _PARSER.parse(text)
    headings = {heading.line: heading for heading in _headings(tokens)}
    oddities: list[Oddity] = []
    fences: list[Fence] = []
    inside = bytearray(len(lines) + 1)
    section = ""
    for token in tokens:
        if token.map is None:
            continue
        start, end = token.map
        if token.type == "heading_open":
            section = headings[start + 1].text
        elif token.type == "code_block":
            inside[start:end] = b"\1" * (end - start)
            oddities.append(_indented_code(lines, start))
        elif token.type == "fence":
            inside[start:end] = b"\1" * (end - start)
            if not _is_closed(token):
                oddities.append(
                    Oddity(
                        start + 1,
                        "the fence is not terminated",
                        f"close it with a line of {token.markup}",
                    )
                )
            fences.append(_fence(token, section, lines))
    oddities += [
        Oddity(
            number + 1,
            "this looks like a fence, but Markdown does not read it as one",
            "put it at the margin, outside of admonitions, tabs and HTML",
        )
        for number, line in enumerate(lines)
        if not inside[number]
        and ("```" in line or "~~~" in line)
        and _LOOKS_LIKE_A_FENCE.fullmatch(line)
    ]
    return Page(tuple(headings.values()), tuple(fences), tuple(oddities))


def _headings(tokens: list[Token]) -> Iterator[Heading]:
    for token, content in pairwise(tokens):
        if token.type == "heading_open" and token.map is not None:
            yield Heading(int(token.tag[1:]), content.content, token.map[0] + 1)


def _fence(token: Token, section: str, lines: list[str]) -> Fence:
    assert token.map is not None
    start = token.map[0]
    at_margin = token.level == 0 and lines[start].startswith(token.markup)
    return Fence(token.info, token.content, start + 1, section, at_margin)


def _is_closed(token: Token) -> bool:
    assert token.map is not None
    start, end = token.map
    # A closed fence has a line more than its text and its opening line.
    return end - start - 2 == token.content.count("\n")


def _indented_code(lines: list[str], start: int) -> Oddity:
    if _LOOKS_LIKE_A_FENCE.fullmatch(lines[start]):
        return Oddity(
            start + 1,
            "this looks like a fence, but Markdown reads it as indented code",
            "put it at the margin, outside of admonitions and tabs",
        )
    return Oddity(
        start + 1,
        "indented code is never proven",
        "put it into a fence that names its language",
    )
