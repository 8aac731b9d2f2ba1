"""SKILL.md's frontmatter, by the Agent Skills specification.

Strict where clients differ: a field that one of them rejects is refused here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

FIELDS = ("name", "description", "license", "compatibility", "metadata")
LIMITS = {"name": 64, "description": 1024, "compatibility": 500}

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class FrontmatterError(ValueError):
    """Broken frontmatter: the line in the document, what is wrong, and the mend."""

    def __init__(self, line: int, message: str, mend: str) -> None:
        super().__init__(message)
        self.line = line
        self.mend = mend


@dataclass(frozen=True, slots=True)
class Frontmatter:
    """What a client knows of the skill before it opens it.

    Attributes:
        name: The skill's name, which is its folder's name too.
        description: What a model picks the skill by.
        license: The licence's SPDX name.
        compatibility: What the skill needs.
        metadata: Flat strings; the triggers are among them.
    """

    name: str
    description: str
    license: str = ""
    compatibility: str = ""
    metadata: dict[str, str] | None = None


def split(text: str) -> tuple[str | None, int]:
    """Give the frontmatter's YAML, if the text begins with one, and its line count.

    Raises:
        FrontmatterError: It is opened and never closed.
    """
    lines = text.split("\n")
    if lines[0].rstrip() != "---":
        return None, 0
    for number, line in enumerate(lines[1:], 1):
        if line.rstrip() == "---":
            return "\n".join(lines[1:number]), number + 1
    raise FrontmatterError(
        1, "the frontmatter is not terminated", "close it with a line of ---"
    )


def parse(source: str) -> Frontmatter:
    """Read and check the YAML between the two lines of ``---``.

    Raises:
        FrontmatterError: It is no YAML mapping, or breaks the specification.
    """
    try:
        fields = yaml.safe_load(source)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 2 if mark else 2
        reason = getattr(error, "problem", None) or "it cannot be read"
        raise FrontmatterError(
            line, f"the frontmatter is no valid YAML ({reason})", "mend the YAML"
        ) from None
    except Exception as error:  # PyYAML raises all sorts on odd tags
        raise FrontmatterError(
            2, f"the frontmatter cannot be read ({error!r})", "mend the YAML"
        ) from None
    if not isinstance(fields, dict):
        raise FrontmatterError(
            1, "the frontmatter is no mapping", "write fields, as in name: my-skill"
        )
    return _check(fields, source)


def _check(fields: dict[Any, Any], source: str) -> Frontmatter:
    for name, value in fields.items():
        line = _line_of(name, source)
        if name not in FIELDS:
            raise FrontmatterError(
                line,
                f"unknown frontmatter field {name!r}",
                f"known: {', '.join(FIELDS)}; anything else goes into metadata",
            )
        if name == "metadata":
            _check_metadata(value, line, source)
        elif not isinstance(value, str) or not value.strip():
            raise FrontmatterError(line, f"{name} is no text", "write it as a string")
        elif len(value) > LIMITS.get(name, len(value)):
            raise FrontmatterError(
                line,
                f"{name} is {len(value)} characters long",
                f"keep it within {LIMITS[name]}",
            )
    for name in ("name", "description"):
        if name not in fields:
            raise FrontmatterError(1, f"the frontmatter has no {name}", f"add {name}:")
    if not _NAME.fullmatch(fields["name"]):
        raise FrontmatterError(
            _line_of("name", source),
            f"{fields['name']!r} is no skill name",
            "use lower-case letters, digits and single hyphens",
        )
    return Frontmatter(**fields)


def _check_metadata(value: object, line: int, source: str) -> None:
    if not isinstance(value, dict):
        raise FrontmatterError(line, "metadata is no mapping", "write key: value lines")
    for key, item in value.items():
        if not isinstance(key, str) or not isinstance(item, str):
            raise FrontmatterError(
                _line_of(key, source) or line,
                f"metadata {key!r} is no string",
                "metadata is flat: quote the value, join a list with commas",
            )


def _line_of(field: object, source: str) -> int:
    """Give the document's line of a field: the YAML begins at its second."""
    for number, line in enumerate(source.split("\n"), 2):
        if line.lstrip().startswith(f"{field}:"):
            return number
    return 2
