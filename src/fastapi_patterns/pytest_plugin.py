"""Collect the documents' blocks as pytest items, named by document and line.

``pytest reference.md`` proves a document, ``pytest "reference.md::212"`` the block at
its line 212, ``-k mistake`` or ``-k sessions`` those of a kind or a section.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fastapi_patterns import bundle, documents
from fastapi_patterns.blocks import Block
from fastapi_patterns.bundle import Bundle
from fastapi_patterns.problems import ContractError
from fastapi_patterns.proofs import Prover

_BUNDLES = pytest.StashKey[dict[Path, Bundle]]()
_PROVERS = pytest.StashKey[dict[Path, Prover]]()


def pytest_configure(config: pytest.Config) -> None:
    """Make room for what the items share."""
    config.stash[_BUNDLES] = {}
    config.stash[_PROVERS] = {}


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the warm interpreters."""
    for prover in config.stash[_PROVERS].values():
        prover.close()


def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> pytest.Collector | None:
    """Take the documents of a bundle; any other Markdown is none of ours."""
    if file_path.name not in documents.NAMES:
        return None
    siblings = [(file_path.parent / name).is_file() for name in documents.NAMES]
    if sum(siblings) < len(siblings) - 1:  # one may be missing, which is then told
        return None
    return DocumentFile.from_parent(parent, path=file_path)


class DocumentFile(pytest.File):
    """One document."""

    def collect(self) -> Iterator[pytest.Item]:
        """Give an item for each of the document's blocks."""
        bundles = self.config.stash[_BUNDLES]
        root = self.path.parent
        if root not in bundles:
            try:
                bundles[root] = bundle.read(root)
            except ContractError as error:
                raise self.CollectError(str(error)) from None
        for block in bundles[root].blocks:
            if block.document == self.path.name:
                yield BlockItem.from_parent(self, name=_name(block), block=block)

    def prover(self) -> Prover:
        """Give the prover of this document's bundle; it is warm after its first use."""
        provers = self.config.stash[_PROVERS]
        root = self.path.parent
        if root not in provers:
            provers[root] = Prover(self.config.stash[_BUNDLES][root])
        return provers[root]


class BlockItem(pytest.Item):
    """One block of a document."""

    parent: DocumentFile

    def __init__(self, *, block: Block, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.block = block

    def runtest(self) -> None:
        """Prove the block."""
        proof = self.parent.prover().prove(self.block)
        if not proof.ok:
            raise NotProvenError(proof.failure)

    def repr_failure(
        self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None
    ) -> Any:
        """Show the block's own failure, without the engine's frames."""
        if isinstance(excinfo.value, NotProvenError):
            return (
                f"{self.block.location}: {self.block.kind} not proven\n{excinfo.value}"
            )
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        """Name the block by document and line."""
        return self.path, self.block.line - 1, f"{self.block.location} {self.name}"


class NotProvenError(Exception):
    """A block is not proven; the text says why."""


def _name(block: Block) -> str:
    words = [block.kind, block.section] + ([block.path] if block.path else [])
    slug = re.sub(r"[^a-z0-9_./]+", "-", " ".join(words).lower())[:80].strip("-")
    return f"{block.line}[{slug}]"
