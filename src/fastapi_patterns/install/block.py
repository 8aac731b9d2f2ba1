"""A marked block in a file that is somebody else's."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi_patterns.install import rules

_LINE_ENDS = (b"\r\n", b"\n")


def find(data: bytes) -> list[bytes]:
    """Give the blocks in a file's text: one, unless somebody copied it."""
    return [data[start:end] for start, end in _spans(data)]


def is_torn(data: bytes) -> bool:
    """Tell whether a marker of a block is there without the other."""
    whole = len(find(data))
    return any(data.count(mark.encode()) != whole for mark in (rules.BEGIN, rules.END))


def glue_for(data: bytes) -> str:
    """Give the line ends that set a new block off from what is there."""
    newline = _newline(data).decode()
    return "" if not data else newline if data.endswith(b"\n") else newline * 2


def put(data: bytes, block: bytes, glue: str) -> bytes:
    """Put the block in: where it was, else at the end."""
    block = block.replace(b"\n", _newline(data))
    for start, end in _spans(data):
        return data[:start] + block + data[end:]
    return data + glue.encode() + block


def take(data: bytes, glue: str) -> bytes:
    """Take every block out, and what set it off; what is around it stays."""
    for start, end in reversed(list(_spans(data))):
        before, after = data[:start], data[end:]
        for _ in range(glue.count("\n")):
            shorter = _without_line_end(before)
            if glue.count("\n") == 1 and not shorter.endswith(b"\n"):
                break  # the blank line is gone: this one ends what was written
            before = shorter
        if after and before and not before.endswith(b"\n"):
            before += _newline(data)
        data = before + after
    return data


def _spans(data: bytes) -> Iterator[tuple[int, int]]:
    """Give where each block begins and ends."""
    begin, end_mark = rules.BEGIN.encode(), rules.END.encode()
    searched = 0
    while (end := data.find(end_mark, searched)) >= 0:
        start = data.rfind(begin, searched, end)
        searched = end + len(end_mark)
        for line_end in _LINE_ENDS:
            if data.startswith(line_end, searched):
                searched += len(line_end)
                break
        if start >= 0:
            yield start, searched


def _newline(data: bytes) -> bytes:
    return b"\r\n" if b"\r\n" in data else b"\n"


def _without_line_end(data: bytes) -> bytes:
    for line_end in _LINE_ENDS:
        if data.endswith(line_end):
            return data.removesuffix(line_end)
    return data
