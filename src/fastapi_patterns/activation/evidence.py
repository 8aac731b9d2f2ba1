"""What speaks for the skill or against it, and how much."""

from __future__ import annotations

from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# What a piece of evidence weighs.
AIM = 4  # a package of ours is what the work shall use
IMPORTED = 4  # a file imports it
PROJECT = 1  # the project depends on it: it helps what else is found, if anything is
NAMED = 3  # a prompt names it, or quotes an error that the reference explains
CODE = 2  # an identifier, as it is written
PATH = 2
TASK = 2
WORD = 1
CONTEXT = 0.5  # a word that other work has as well
FOREIGN_ASIDE = -1  # something else is named beside a package of ours
FOREIGN = -2  # something else is named
FOREIGN_CODE = -3  # an identifier of it, as it is written
FOREIGN_AIM = -4  # something else is what the work shall use, or a file's language


class Evidence(NamedTuple):
    """Something that speaks for the skill, or against it.

    Attributes:
        kind: What it is: import, path, project, keyword, code, symptom, word, context,
            task, route, status; else the ``not-for`` key that it stands at, or
            not-for-path and not-for-project.
        trigger: Which trigger it is.
        found: The text that was found.
        weight: How much it counts; below zero it speaks against.
        file: The path of the file that it was found in or at; None for the prompt.
    """

    kind: str
    trigger: str
    found: str
    weight: float
    file: str | None = None


def total(evidence: Iterable[Evidence]) -> float:
    """Sum up what the pieces weigh."""
    return sum(e.weight for e in evidence)
