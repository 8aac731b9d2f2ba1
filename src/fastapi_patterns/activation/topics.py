"""Which section of reference.md fits a prompt or a file.

It is found in the reference's own text: the contents at its head, the index of
symptoms and the index of public names. Standard library only, on any Python from 3.9,
for the hooks run it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# What it weighs that a section is found by a symptom, a name, a word of its title, a
# word of what the contents say of it: the less, the more sections have the word.
SYMPTOM, NAME, TITLE, WORD = 12.0, 5.0, 4.0, 1.5

LEAST = 4.5
"""The weight from which on a section fits."""

SYMPTOMS, NAMES = "Symptom index", "Index of public names"
"""The indexes' headings."""

_CONTENTS = re.compile(r"^- \[(.+?)\]\(#([\w-]+)\)(?:: (.*))?$", re.MULTILINE)
_ANCHOR = re.compile(r"\]\(#([\w-]+)\)")
_LINK = re.compile(r"\[[^\]]*\]\(#[\w-]+\)")
_SYMPTOM = re.compile(r"(``.+?``|`[^`]+`)(?: \(([\w, ]+)\))?")
_QUOTED = re.compile(r"``.+?``|`[^`]+`")
_STOP = frozenset(
    "a an and any as at before by for from how in into is it its no not of on one or "
    "other own that the their to what when where which who with without fastapi python "
    "make use app add fix error errors this are was were have has get".split()
)


class Topic(NamedTuple):
    """A section that fits.

    Attributes:
        title: Its heading.
        anchor: What a link to it ends with.
        lines: Its first and last line in reference.md, from 1.
    """

    title: str
    anchor: str
    lines: tuple[int, int]


def find(reference: str, text: str, *, least: float = LEAST) -> Topic | None:
    """Give the section of the reference that fits a text best, if one does.

    Args:
        reference: The text of reference.md.
        text: A prompt, an error message, or code.
        least: How much must speak for it.
    """
    weights: dict[str, float] = {}
    for anchor, weight in _weights(reference, text):
        weights[anchor] = weights.get(anchor, 0.0) + weight
    titles = {a: title for title, a, _ in _contents(reference)}
    known = {anchor: weight for anchor, weight in weights.items() if anchor in titles}
    if not known:
        return None
    best = max(known, key=lambda anchor: known[anchor])
    return _topic(reference, titles[best], best) if known[best] >= least else None


def _weights(reference: str, text: str) -> Iterator[tuple[str, float]]:
    words = set(_words(text))
    rows = [
        (anchor, set(_words(title)), set(_words(said)))
        for title, anchor, said in _contents(reference)
        if any(word in f"{title} {said}".lower() for word in words)  # a stem of one
    ]
    spread: dict[str, int] = {}
    for _, of_title, said in rows:
        for word in of_title | said:
            spread[word] = spread.get(word, 0) + 1
    for anchor, of_title, said in rows:
        share = 0.5 + len(words & of_title) / (len(of_title) or 1)
        for word in words & (of_title | said):
            weight = TITLE * share if word in of_title else WORD
            yield anchor, weight / spread[word] ** 0.5
    lower = text.lower()
    for message, anchors in index(reference, SYMPTOMS):
        if len(message) > 7 and message.lower() in lower:
            yield anchors[0], SYMPTOM
    names = set(re.findall(r"[A-Za-z_]\w{3,}", text)) - {"FastAPI"}
    for label, anchors in index(reference, NAMES):
        if label.rpartition(".")[2] in names:
            for rank, anchor in enumerate(anchors, 1):
                yield anchor, NAME / rank


def _contents(reference: str) -> list[tuple[str, str, str]]:
    return _CONTENTS.findall(reference, 0, reference.find("\n## "))


def index(reference: str, title: str) -> Iterator[tuple[str, list[str]]]:
    """Give what an index quotes, each with the anchors that it leads to."""
    start = reference.find(f"\n## {title}\n")
    if start < 0:
        return
    end = reference.find("\n## ", start + 4)
    for line in reference[start : end if end > 0 else None].split("\n"):
        if line.startswith("- "):
            anchors = _ANCHOR.findall(line)
            for quoted in _QUOTED.findall(_LINK.sub("", line)):
                yield quoted.strip("`"), anchors


def symptoms(reference: str) -> Iterator[tuple[str, str]]:
    """Give each error of the index of symptoms, with the exceptions' names."""
    start = reference.find(f"\n## {SYMPTOMS}\n")
    end = reference.find("\n## ", start + 4)
    listed = reference[start : end if end > 0 else None] if start >= 0 else ""
    for quoted, errors in _SYMPTOM.findall(_LINK.sub("", listed)):
        yield quoted.strip("`"), errors


def _words(text: str) -> Iterator[str]:
    for word in re.findall(r"[a-z0-9]+", text.lower()):
        if word not in _STOP and len(word) > 2:
            yield _stem(word)


def _stem(word: str) -> str:
    for ending in ("ations", "ation", "ies", "ing", "es", "ed", "s", "y"):
        if word.endswith(ending) and len(word) - len(ending) > 3:
            return word[: -len(ending)]
    return word


def _topic(reference: str, title: str, anchor: str) -> Topic:
    start = reference.find(f"\n## {title}\n") + 1
    end = reference.find("\n## ", start)
    first = reference.count("\n", 0, start) + 1
    last = first + reference.count("\n", start, end if end > 0 else len(reference))
    return Topic(title, anchor, (first, last))
