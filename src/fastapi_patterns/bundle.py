"""The documents read, classed and checked against each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from fastapi_patterns import blocks, documents, files
from fastapi_patterns.blocks import Block
from fastapi_patterns.documents import Document
from fastapi_patterns.files import File
from fastapi_patterns.problems import ContractError


@dataclass(frozen=True, slots=True)
class Bundle:
    """Three sound documents and what they hold.

    Attributes:
        root: The folder that the documents lie in.
        documents: By name.
        blocks: Every fenced block of the documents, in reading order.
        files: The files under examples/ that the blocks make, by path.
    """

    root: Path
    documents: dict[str, Document]
    blocks: list[Block] = field(repr=False)
    files: dict[str, File] = field(repr=False)

    @property
    def examples(self) -> Path:
        """The folder that the files are extracted to."""
        return self.root / files.FOLDER


def read(root: Path) -> Bundle:
    """Read the documents below ``root``.

    Raises:
        ContractError: Anything in them breaks the contract; it lists all of it.
    """
    read_documents, problems = documents.read_all(root)
    classed, more = blocks.class_all(read_documents)
    problems += more
    made, more = files.collect(classed, root)
    problems += more
    if problems:
        raise ContractError(problems)
    return Bundle(root, {d.name: d for d in read_documents}, classed, made)
