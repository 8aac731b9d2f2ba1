"""Bring edits made in examples/ back into the blocks that they belong to."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from fastapi_patterns import extract
from fastapi_patterns.blocks import Block, Kind
from fastapi_patterns.bundle import Bundle
from fastapi_patterns.files import File, locate_excerpt
from fastapi_patterns.rewrite import RewriteError, rewrite

# As difflib gives them: what happens, from where to where, on both sides.
Opcodes = Sequence[tuple[str, int, int, int, int]]


@dataclass(slots=True)
class Stitches:
    """What stitching did, or why it did nothing.

    Attributes:
        changed: The blocks that took an edit, as places in the documents.
        refused: One text for each edit that could not be placed; with any of them
            nothing was changed at all.
    """

    changed: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


class _UnplacedError(Exception):
    """An edit that no single block can take."""


def stitch(bundle: Bundle) -> Stitches:
    """Bring every edit in examples/ back into the documents, all or none.

    An edit is a file that differs from the last extraction. Excerpts that show edited
    lines follow. Where a block changed since the last extraction too, both sides are
    shown and nothing is changed.
    """
    result = Stitches()
    texts: dict[str, str] = {}  # by location of the block
    manifest = extract.read_manifest(bundle.examples)
    for path in extract.present_files(bundle.examples):
        if path not in bundle.files:
            result.refused.append(
                f"examples/{path}: no block makes this file: write one with "
                f'title="{path}" in a document, then extract'
            )
    for path, file in bundle.files.items():
        edited = _read_edited(bundle, path)
        if edited == file.text or manifest.get(path) == extract.digest(edited or ""):
            continue
        if edited is None and path not in manifest:
            result.refused.append(
                f"examples/{path}: the file is not there yet: run extract"
            )
        elif edited is None:
            result.refused.append(
                f"examples/{path}: the file was removed: remove its blocks, from "
                f"{file.blocks[0].location} on, then extract"
            )
        elif not _is_utf_8(edited):
            result.refused.append(f"examples/{path}: the file is not UTF-8: save it so")
        elif manifest.get(path) != extract.digest(file.text):
            result.refused.append(_show_both(file, edited))
        else:
            try:
                texts |= _new_texts(bundle, file, edited)
            except _UnplacedError as error:
                result.refused.append(str(error))
    if result.refused:
        return result
    try:
        bundle = rewrite(bundle, texts) if texts else bundle
    except RewriteError as error:
        result.refused.append(str(error))
        return result
    result.changed = list(texts)
    if texts:  # a file may have lacked its last line end: now both sides agree
        extract.extract(bundle)
    return result


def _read_edited(bundle: Bundle, path: str) -> str | None:
    """Give a file as an editor left it, with the line ends that a block has."""
    text = extract.read_text(bundle.examples / path)
    if text is None:
        return None
    text = text.replace("\r\n", "\n")
    return text if text.endswith("\n") or not text else f"{text}\n"


def _is_utf_8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # a byte that could not be decoded stands for itself
        return False
    return True


def _lines(text: str) -> list[str]:
    """Split at line feeds alone, as a document is split."""
    return [f"{line}\n" for line in text.split("\n")[:-1]]


def _show_both(file: File, edited: str) -> str:
    shown = "".join(
        difflib.unified_diff(
            edited.splitlines(keepends=True),
            file.text.splitlines(keepends=True),
            f"examples/{file.path} (edited)",
            f"{file.blocks[0].document} (changed too)",
        )
    )
    return (
        f"examples/{file.path}: both sides changed since the last extraction: make "
        f"them agree by hand\n{shown}"
    )


def _new_texts(bundle: Bundle, file: File, edited: str) -> dict[str, str]:
    """Give the new text of each block that an edited file changes."""
    before, after = _lines(file.text), _lines(edited)
    opcodes = difflib.SequenceMatcher(None, before, after, False).get_opcodes()
    texts: dict[str, str] = {}
    for number, block in enumerate(file.blocks):
        start = file.starts[number] - 1
        stop = start + block.text.count("\n")
        lines = _new_lines(file, (start, stop), number, after, opcodes)
        text = "".join(lines)
        if text != block.text:
            texts[block.location] = text
    _check_joined(file, texts, edited)
    for block in bundle.blocks:
        if block.kind is Kind.EXCERPT and block.path == file.path:
            text = _new_excerpt(block, before, after, opcodes)
            if text != block.text:
                texts[block.location] = text
    return texts


def _new_lines(
    file: File,
    span: tuple[int, int],
    number: int,
    after: list[str],
    opcodes: Opcodes,
) -> list[str]:
    """Give a block's lines after the edit."""
    start, stop = span
    lines: list[str] = []
    for tag, i1, i2, j1, j2 in opcodes:
        if tag == "equal":
            overlap = range(max(i1, start), min(i2, stop))
            lines += after[j1 + overlap.start - i1 : j1 + overlap.stop - i1]
        elif i1 == i2:
            if start <= i1 <= stop:
                lines += after[j1:j2]
        elif start <= i1 and i2 <= stop:
            lines += after[j1:j2]
        elif i1 < stop and start < i2:
            block = file.blocks[number]
            raise _UnplacedError(
                f"examples/{file.path}:{j1 + 1}: this edit reaches over the edge of "
                f"the block at {block.location}: make it there by hand"
            )
    return lines


def _check_joined(file: File, texts: dict[str, str], edited: str) -> None:
    """Make sure that the new blocks, joined, give just the edited file."""
    blocks = tuple(
        replace(block, text=texts.get(block.location, block.text))
        for block in file.blocks
    )
    for block in blocks:
        if not block.text.strip():
            raise _UnplacedError(
                f"examples/{file.path}: this edit empties the block at "
                f"{block.location}: remove the block there by hand"
            )
    if File(file.path, blocks).text != edited:
        raise _UnplacedError(
            f"examples/{file.path}: this edit changes the blank lines between two "
            f"blocks, which are not in the document: see {file.blocks[0].location}"
        )


def _new_excerpt(
    block: Block, before: list[str], after: list[str], opcodes: Opcodes
) -> str:
    """Let an excerpt follow an edit of the lines that it shows."""
    excerpt = block.text.split("\n")[:-1]
    places = locate_excerpt(excerpt, [line.rstrip("\n") for line in before])
    assert isinstance(places, list), "the bundle was read, so the excerpt stands"
    shown = set(places)
    lines: list[str] = []
    emitted: set[int] = set()
    for line, place in zip(excerpt, places, strict=True):
        if place < 0:
            lines.append(f"{line}\n")
            continue
        for number, (tag, i1, i2, j1, j2) in enumerate(opcodes):
            if tag == "equal" and i1 <= place < i2:
                lines.append(after[j1 + place - i1])
            elif tag == "replace" and i1 <= place < i2 and number not in emitted:
                emitted.add(number)
                lines += after[j1:j2]
            elif tag == "insert" and i1 == place + 1 and place + 1 in shown:
                lines += after[j1:j2]
    return "".join(lines)
