"""From a line of a file in examples/ to the Markdown line that it comes from."""

from __future__ import annotations

import re

from fastapi_patterns.bundle import Bundle
from fastapi_patterns.files import FOLDER

# examples/backend/main.py:12, or the form of a traceback: …main.py", line 12
_PLACE = re.compile(
    rf"(?:\"[^\"\n]*?[/\\]|\"|(?:(?<![^\s\"':])[^\s\"':]*[/\\])?(?<![\w.-]))"
    rf"{FOLDER}[/\\](?P<path>[\w./\\-]+)(?:(?P<quoted>\", line )|:)(?P<line>\d+)"
)


def locate(bundle: Bundle, path: str, line: int) -> str | None:
    """Give the Markdown place of a line of a file below examples/.

    Returns:
        A place such as ``examples.md:341``, or None for a file that no block makes.
    """
    file = bundle.files.get(path.replace("\\", "/"))
    if file is None:
        return None
    block, origin = file.origin(line)
    return f"{block.document}:{origin}"


def rewrite(bundle: Bundle, text: str) -> str:
    """Replace each place in examples/ that a tool names by its Markdown place."""

    def replace(found: re.Match[str]) -> str:
        place = locate(bundle, found["path"], int(found["line"]))
        if place is None:
            return found.group()
        if found["quoted"]:
            document, _, line = place.rpartition(":")
            return f'"{document}", line {line}'
        return place

    return _PLACE.sub(replace, text)
