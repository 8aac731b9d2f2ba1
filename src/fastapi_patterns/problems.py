"""What is wrong with the documents: where, what, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One fault in a document.

    Attributes:
        document: The document's name, such as ``examples.md``.
        line: The line in that document, from 1.
        message: What is wrong.
        mend: What to do about it.
    """

    document: str
    line: int
    message: str
    mend: str

    def __str__(self) -> str:
        text = f"{self.document}:{self.line}: {self.message}: {self.mend}"
        # One problem is one line, whatever the document put into the message.
        return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


class ContractError(Exception):
    """The documents break the contract; every problem found, in reading order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(set(problems))
        super().__init__("\n".join(map(str, self.problems)))
