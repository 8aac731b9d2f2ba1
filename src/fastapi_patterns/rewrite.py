"""Write new texts into blocks of the documents, all of them or none."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from fastapi_patterns import bundle as bundles
from fastapi_patterns.bundle import Bundle
from fastapi_patterns.documents import Document
from fastapi_patterns.problems import ContractError


class RewriteError(Exception):
    """The new texts would break the documents; the message says how."""


def rewrite(bundle: Bundle, texts: dict[str, str]) -> Bundle:
    """Replace the texts of some blocks in the documents on disk.

    Args:
        bundle: The bundle as it stands on disk.
        texts: The new text of each block to change, by its location.

    Returns:
        The bundle as it is now.

    Raises:
        RewriteError: A block cannot hold its text, or the documents would not be sound
            any more; nothing was changed.
    """
    with tempfile.TemporaryDirectory(prefix=".rewrite-", dir=bundle.root) as folder:
        stage = Path(folder)
        for document in bundle.documents.values():
            text = _replace(bundle, document, texts)
            content = text.replace("\n", document.newline).encode()
            (stage / document.name).write_bytes(content)
        try:
            again = bundles.read(stage)
        except ContractError as error:
            raise RewriteError(f"this would break the documents:\n{error}") from None
        _require_as_wanted(bundle, again, texts)
        changed = {b.document for b in bundle.blocks if b.location in texts}
        try:
            _replace_all({name: stage / name for name in changed}, bundle)
        except OSError as error:
            raise RewriteError(f"nothing was written ({error})") from None
    return bundles.read(bundle.root)


def _replace_all(staged: dict[str, Path], bundle: Bundle) -> None:
    """Put the staged documents in place; on any failure, those that were there."""
    # Through a symlink, and with the mode that the document has.
    targets = {name: bundle.documents[name].path.resolve() for name in staged}
    before = {target: target.read_bytes() for target in targets.values()}
    try:
        for name, target in targets.items():
            shutil.copymode(target, staged[name])
            staged[name].replace(target)
    except BaseException:
        for target, content in before.items():
            if target.read_bytes() != content:
                target.write_bytes(content)
        raise


def _replace(bundle: Bundle, document: Document, texts: dict[str, str]) -> str:
    lines = document.text.split("\n")
    for block in reversed(bundle.blocks):
        if block.document == document.name and block.location in texts:
            if not block.at_margin:
                raise RewriteError(
                    f"the block at {block.location} stands in a list or quote: "
                    "make the edit there by hand"
                )
            stop = block.line + block.text.count("\n")
            lines[block.line : stop] = texts[block.location].split("\n")[:-1]
    return "\n".join(lines)


def _require_as_wanted(bundle: Bundle, again: Bundle, texts: dict[str, str]) -> None:
    """Refuse texts with a line that closes their fence: other blocks come out."""
    wanted = [texts.get(block.location, block.text) for block in bundle.blocks]
    if [block.text for block in again.blocks] != wanted:
        places = ", ".join(texts)
        raise RewriteError(f"a line closes its fence ({places}): lengthen the fence")
