"""The sections of a document: what a reader opens one at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from fastapi_patterns.blocks import Block
from fastapi_patterns.bundle import Bundle
from fastapi_patterns.documents import Document

_SYMPTOM = re.compile(r"- `(?P<text>.+?)` → (?P<cause>.+) → (?P<mend>.+)")


@dataclass(frozen=True, slots=True)
class Section:
    """What stands below a heading of the second level.

    Attributes:
        title: The heading's text.
        anchor: What a link to it ends with.
        lines: The document's lines that it takes, from 1, its heading the first.
        text: Those lines.
        blocks: The blocks in it.
        prose: Its lines that stand in no block, by number.
    """

    title: str
    anchor: str
    lines: range
    text: str = field(repr=False)
    blocks: tuple[Block, ...] = field(repr=False)
    prose: dict[int, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Symptom:
    """What a developer sees, why, and what to do: a line of a section.

    Attributes:
        text: The error's message or what is seen, as it is searched for.
        cause: Why it comes.
        mend: What to do.
        line: The document's line.
    """

    text: str
    cause: str
    mend: str
    line: int


def anchor(heading: str) -> str:
    """Give a heading's anchor, as code hosts and the site make it."""
    return re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower())


def read(bundle: Bundle, name: str) -> list[Section]:
    """Give the sections of a document, in order."""
    document = bundle.documents[name]
    blocks = [block for block in bundle.blocks if block.document == name]
    tops = [h for h in document.page.headings if h.level == 2]
    ends = [h.line for h in tops[1:]] + [document.text.count("\n") + 2]
    return [
        _section(document, blocks, heading.text, range(heading.line, end))
        for heading, end in zip(tops, ends, strict=True)
    ]


def _section(
    document: Document, blocks: list[Block], title: str, lines: range
) -> Section:
    inside = tuple(block for block in blocks if block.line in lines)
    text = "\n".join(document.text.split("\n")[lines.start - 1 : lines.stop - 1])
    return Section(
        title, anchor(title), lines, text, inside, prose(document, list(inside), lines)
    )


def prose(document: Document, blocks: list[Block], lines: range) -> dict[int, str]:
    """Give the lines that stand in no block, by number."""
    taken = {
        number
        for block in blocks
        for number in range(block.line, block.line + block.text.count("\n") + 2)
    }
    text = document.text.split("\n")
    return {n: text[n - 1] for n in lines if n not in taken and n <= len(text)}


def symptoms(section: Section) -> Iterator[Symptom]:
    """Give the symptoms that a section lists."""
    for line, text in section.prose.items():
        if found := _SYMPTOM.match(text):
            yield Symptom(found["text"], found["cause"], found["mend"], line)
