"""Which section of reference.md fits a prompt or a file.

It is found in the reference's own text: the contents at its head, which name what each
section is looked for by, and the index of symptoms. Standard library only, on any
Python from 3.9, for the hooks run it.
"""

from __future__ import annotations

import math
import re
from functools import cache
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# What it weighs that a section is found by a symptom, and how much more a word of its
# title weighs than one of what stands behind it.
SYMPTOM, TITLE = 10.0, 1.3

# What it weighs that a word is a file's name, its folder's, that of the folder above;
# or that it is imported, defined, or stands elsewhere in the file.
NAME, FOLDER, ABOVE = 1.5, 1.2, 0.4
IMPORTED, DEFINED, USED = 0.2, 0.3, 0.1

LEAST, LEAST_OF_FILE = 4.0, 2.0
"""The weight from which on a section fits a prompt, and a file."""

CLOSE = 0.7
"""What part of the best one's weight makes a second section fit as well."""

FEW = 40
"""How many words of a prompt are looked for."""

SYMPTOMS, NAMES = "Symptom index", "Index of public names"
"""The indexes' headings."""

_CONTENTS = re.compile(r"^- \[(.+?)\]\(#([\w-]+)\)(?:: (.*))?$", re.MULTILINE)
_ITEM = re.compile("[,;:] | or ")
_ANCHOR = re.compile(r"\]\(#([\w-]+)\)")
_LINK = re.compile(r"\[[^\]]*\]\(#[\w-]+\)")
_SYMPTOM = re.compile(r"(``.+?``|`[^`]+`)(?: \(([\w, ]+)\))?")
_QUOTED = re.compile(r"``.+?``|`[^`]+`")
_TOKEN = re.compile(r"[A-Za-z0-9_]+(?:\+\d)?")
_COMPOUND = re.compile("_|[a-z][A-Z]")
_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_IMPORTED = re.compile(r"^from \S+ import (\([^)]*\)|.*)|^import (.*)", re.MULTILINE)
_DEFINED = re.compile(r"^\s*(?:(?:async )?(?:def|class) (\w+)|@(\S+)\()", re.MULTILINE)
_ENDING = re.compile("(?<=...)(?:at(?:ions?|ing|es|ed)|ies|ing|es|ed|s|y|e)$")
_STOP = frozenset(
    "a about actually add after again all already always an and any app are as at "
    "back bad be been before best better between both but by can cant code could "
    "currently different do does doesnt dont during each else even every everybody "
    "everywhere fastapi file find first fix for from get gets give gives goes good "
    "have help here how http https i if in inside instead into is isnt it its just "
    "keep know last let like line lines lot make many me more most much my need never "
    "new next no not nothing now of off old on one only or other our out outside over "
    "own people please python really right same second see should so some someone "
    "something still sure take takes tell than that the their them then there they "
    "thing things this time times to told too two under until up us use very via want "
    "was way we well were what when where which while who whole why with without work "
    "working works would www com you your he him she".split()
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


def find(
    reference: str, prompt: str = "", path: str = "", text: str = ""
) -> list[Topic]:
    """Give the sections that fit a prompt best, else those that fit a file best.

    Args:
        reference: The text of reference.md.
        prompt: What a user asks, if anything.
        path: A file's path with slashes, from its project's folder, if there is one.
        text: What is in the file.
    """
    fitting = of_prompt(reference, prompt)
    return fitting or (of_file(reference, path, text) if path else [])


def of_prompt(reference: str, prompt: str) -> list[Topic]:
    """Give the sections that fit a prompt or an error message best: two at most.

    Args:
        reference: The text of reference.md.
        prompt: What a user asks.
    """
    words = list(_words(prompt))
    # What is asked stands at an end of a long one, before or after what was pasted.
    few = [*dict.fromkeys(words)][: FEW // 2] + [*dict.fromkeys(words[::-1])][
        : FEW // 2
    ]
    return _find(reference, dict.fromkeys(few, 1.0), prompt, LEAST)


def of_file(reference: str, path: str, text: str) -> list[Topic]:
    """Give the sections that fit a Python file best: two at most.

    Args:
        reference: The text of reference.md.
        path: Where the file is, with slashes, from its project's folder.
        text: What is in it.
    """
    words: dict[str, float] = {}

    def count(found: str, weight: float) -> None:
        for word in _words(found):
            words[word] = max(words.get(word, 0.0), weight)

    parts = path.rpartition(".")[0].split("/")[::-1]
    for part, weight in zip(parts, (NAME, FOLDER, ABOVE)):
        count(part, weight)
    for groups in _IMPORTED.findall(text):
        count(" ".join(groups), IMPORTED)
    for groups in _DEFINED.findall(text):
        count(" ".join(groups), DEFINED)
    often: dict[str, int] = {}
    for word in _words(text):
        often[word] = often.get(word, 0) + 1
    for word, times in often.items():
        words[word] = max(words.get(word, 0.0), USED * min(times, 4) / 4)
    return _find(reference, words, "", LEAST_OF_FILE)


def _find(
    reference: str, words: dict[str, float], message: str, least: float
) -> list[Topic]:
    rows = _contents(reference)
    titles = {anchor: title for title, anchor, _ in rows}
    few = len(words) <= FEW
    found = {
        anchor: items
        for title, anchor, said in rows
        if not (few and _has_none(f"{title} {said}".lower(), words))
        and (items := list(_items(title, said, words)))
    }
    spread: dict[str, int] = {}
    for items in found.values():
        for word in {word for _, words_in, _ in items for word in words_in}:
            spread[word] = spread.get(word, 0) + 1
    rarity = {word: math.log(1 + len(rows) / n) for word, n in spread.items()}
    weights = {a: _weight(items, words, rarity) for a, items in found.items()}
    lower = message.lower()
    for quoted, anchors in index(reference, SYMPTOMS) if message else ():
        if len(quoted) > 7 and quoted.lower().rstrip("!.") in lower:
            weights[anchors[0]] = weights.get(anchors[0], 0.0) + SYMPTOM
    best = sorted(weights, key=lambda anchor: -weights[anchor])[:2]
    least = max(least, CLOSE * weights[best[0]]) if best else least
    fitting = [anchor for anchor in best if weights[anchor] >= least]
    return [_topic(reference, titles[a], a) for a in fitting if a in titles]


def _has_none(row: str, words: Iterable[str]) -> bool:
    """Tell whether a row needs no closer look: a stem stands in its word."""
    return not any(word in row for word in words)


def _items(
    title: str, said: str, words: dict[str, float]
) -> Iterator[tuple[float, list[str], int]]:
    """Give what a section is looked for by, where it holds any of the words.

    That is its title, and each item behind it: how much it counts, which of the words
    are in it, and how many it has.
    """
    for number, item in enumerate((title, *_ITEM.split(said))):
        held = {word for token in _TOKEN.findall(item) for word in _known(token)}
        if found := [word for word in held if word in words]:
            yield 1.0 if number else TITLE, found, len(held)


def _weight(
    items: list[tuple[float, list[str], int]],
    words: dict[str, float],
    rarity: dict[str, float],
) -> float:
    """Weigh a section: a rare word counts more, one of a few in its item too."""
    best: dict[str, float] = {}
    for weight, found, length in items:
        for word in found:
            counts = weight * rarity[word] * words[word] * len(found) / length
            best[word] = max(best.get(word, 0.0), counts)
    return sum(best.values())


def _contents(reference: str) -> list[tuple[str, str, str]]:
    listed = _CONTENTS.findall(reference, 0, reference.find("\n## "))
    return [row for row in listed if row[0] not in (SYMPTOMS, NAMES)]


def index(reference: str, title: str) -> Iterator[tuple[str, list[str]]]:
    """Give what an index quotes, each with the anchors that it leads to."""
    for line in _section(reference, title).split("\n"):
        if line.startswith("- "):
            anchors = _ANCHOR.findall(line)
            for quoted in _QUOTED.findall(_LINK.sub("", line)):
                yield quoted.strip("`"), anchors


def symptoms(reference: str) -> Iterator[tuple[str, str]]:
    """Give each error of the index of symptoms, with the exceptions' names."""
    for quoted, errors in _SYMPTOM.findall(
        _LINK.sub("", _section(reference, SYMPTOMS))
    ):
        yield quoted.strip("`"), errors


def _section(reference: str, title: str) -> str:
    start = reference.find(f"\n## {title}\n")
    end = reference.find("\n## ", start + 4)
    return reference[start : end if end > 0 else None] if start >= 0 else ""


def _words(text: str) -> Iterator[str]:
    for token in _TOKEN.findall(text):
        yield from _known(token)


@cache
def _known(token: str) -> tuple[str, ...]:
    """Give a word by its stem; an identifier as it is, and its parts."""
    lower = token.lower()
    if lower in _STOP or len(lower) < 2:
        return ()
    if not _COMPOUND.search(token):
        return (_stem(lower),)
    parts = (part.lower() for part in _PART.findall(token))
    return (lower, *(_stem(p) for p in parts if p not in _STOP and len(p) > 1))


def _stem(word: str) -> str:
    ending = _ENDING.search(word)
    return word[: ending.start()] if ending else word


def _topic(reference: str, title: str, anchor: str) -> Topic:
    start = reference.find(f"\n## {title}\n") + 1
    end = reference.find("\n## ", start)
    first = reference.count("\n", 0, start) + 1
    last = first + reference.count("\n", start, end if end > 0 else len(reference))
    return Topic(title, anchor, (first, last))
