"""Prove all blocks at once, show the progress, and report."""

from __future__ import annotations

import json
import os
import queue
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi_patterns import proofs
from fastapi_patterns.blocks import Block, Kind
from fastapi_patterns.bundle import Bundle
from fastapi_patterns.proofs import Proof, Prover
from fastapi_patterns.rewrite import rewrite


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the closing table: what came of one kind of block in one document."""

    document: str
    kind: Kind
    blocks: int
    proven: int
    seconds: float


def prove_all(
    bundle: Bundle,
    blocks: list[Block],
    *,
    jobs: int = os.cpu_count() or 1,
    done: Callable[[Proof], None] = lambda proof: None,
) -> list[Proof]:
    """Prove some blocks of a bundle.

    Args:
        bundle: The bundle.
        blocks: Which of its blocks.
        jobs: How many warm interpreters work side by side.
        done: Called after each proof.

    Returns:
        The proofs, in the order of the blocks.
    """
    waiting: queue.SimpleQueue[Block] = queue.SimpleQueue()
    for block in sorted(blocks, key=lambda block: not _is_long(bundle, block)):
        waiting.put(block)
    found: dict[str, Proof] = {}
    lock = threading.Lock()
    broken: list[BaseException] = []
    provers: list[Prover] = []

    def work() -> None:
        try:
            with Prover(bundle) as prover:
                provers.append(prover)
                while not broken:
                    proof = prover.prove(waiting.get_nowait())
                    with lock:
                        found[proof.block.location] = proof
                        done(proof)
        except queue.Empty:
            return
        except BaseException as error:
            broken.append(error)

    workers = [threading.Thread(target=work) for _ in range(max(jobs, 1))]
    for worker in workers:
        worker.start()
    try:
        for worker in workers:
            worker.join()
    except BaseException as error:  # Ctrl+C: nobody waits for what still runs
        broken.append(error)
        for prover in provers:
            prover.kill()
    if broken:
        raise broken[0]
    return [found[block.location] for block in blocks]


def _is_long(bundle: Bundle, block: Block) -> bool:
    """Whether a block takes seconds: those begin first, so that none ends last."""
    if block.kind is Kind.SESSION:
        return True
    return block.kind is Kind.FILE and bundle.files[block.path or ""].is_test


def summarise(found: Iterable[Proof]) -> list[Row]:
    """Count the proofs by document and kind, in reading order."""
    groups: dict[tuple[str, Kind], list[Proof]] = {}
    for proof in found:
        groups.setdefault((proof.block.document, proof.block.kind), []).append(proof)
    return [
        Row(
            document,
            kind,
            len(group),
            sum(proof.ok for proof in group),
            sum(proof.seconds for proof in group),
        )
        for (document, kind), group in groups.items()
    ]


def report(found: list[Proof]) -> dict[str, Any]:
    """Give the machine-readable report: versions, and every block with its proof."""
    return {
        "versions": dict(proofs.versions()),
        "blocks": [
            {
                "document": proof.block.document,
                "line": proof.block.line,
                "kind": proof.block.kind,
                "language": proof.block.language,
                "section": proof.block.section,
                "path": proof.block.path,
                "since": str(proof.block.since) if proof.block.since else None,
                "until": str(proof.block.until) if proof.block.until else None,
                "holds_here": proof.block.holds_here,
                "proven": proof.ok,
                "failure": proof.failure,
                "seconds": round(proof.seconds, 4),
            }
            for proof in found
        ],
    }


def require_writable(path: Path) -> None:
    """Make sure that a report can be written, before the proofs take their time.

    Raises:
        OSError: It cannot.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a"):
        pass


def write_report(found: list[Proof], path: Path) -> None:
    """Write the report as JSON, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(report(found), indent=1) + "\n", "utf-8")
    part.replace(path)


def update_sessions(bundle: Bundle, sessions: list[Block]) -> list[str]:
    """Write the output that console blocks have now into their documents.

    Returns:
        The places of the blocks that changed.

    Raises:
        RewriteError: An output cannot stand in its block.
    """
    texts: dict[str, str] = {}
    for block in sessions:
        text = proofs.update_session(bundle, block)
        if text != block.text:
            texts[block.location] = text
    if texts:
        rewrite(bundle, texts)
    return list(texts)
