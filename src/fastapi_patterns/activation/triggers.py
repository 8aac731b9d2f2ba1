"""What says when to use the skill: SKILL.md's frontmatter, reference.md's indexes."""

from __future__ import annotations

import json
import re
from functools import cached_property

from fastapi_patterns.activation import prose, topics

FRAMEWORKS = ("fastapi", "starlette")
"""The packages whose import alone makes a file ours."""

PACKAGES = ("not-for-imports", "not-for-tools")
"""The keys of packages whose import makes a file somebody else's."""

OTHER_FRAMEWORKS = "not-for-frameworks"
"""The key of what other frameworks are called."""


class Triggers:
    """What the frontmatter of SKILL.md says of when to use the skill.

    Attributes:
        keywords: Words and identifiers that a prompt may hold.
        context: Words that say something beside those only.
        tasks: What a prompt may ask for: all words of one, near each other.
        paths: gitignore patterns; the last that matches decides.
        imports: Packages whose import makes a file ours.
        foreign: Words that name something else, each with its ``not-for`` key.
        foreign_imports: Packages whose import makes a file somebody else's.
        foreign_tools: Packages whose import does so if the file imports none of ours.
        skills: The skills to use instead, each with what it is for.
    """

    def __init__(self, metadata: dict[str, str], reference: str) -> None:
        def listed(key: str, separator: str = ", ") -> list[str]:
            items = metadata.get(key, "").split(separator)
            return [item.strip() for item in items if item.strip()]

        self.keywords = listed("trigger-keywords")
        self.context = listed("trigger-context")
        self.tasks = listed("trigger-tasks", "; ")
        self.paths = listed("trigger-paths")
        self.imports = listed("trigger-imports")
        self.foreign_imports = listed("not-for-imports")
        self.foreign_tools = listed("not-for-tools")
        self.foreign = [
            (word, key)
            for key in metadata
            if key.startswith("not-for-") and key not in PACKAGES
            for word in listed(key)
        ]
        cases = (case.partition(": ") for case in listed("not-for", "; "))
        self.skills = [(skill, what) for what, _, skill in cases if skill]
        self._reference = reference

    @cached_property
    def names(self) -> frozenset[str]:
        """Public names of FastAPI and SQLAlchemy's asyncio extension."""
        labels = (label for label, _ in topics.index(self._reference, topics.NAMES))
        names = (
            label.rpartition(".")[2]
            for label in labels
            if label.startswith(("fastapi.", "sqlalchemy.ext.asyncio."))
        )
        return frozenset(
            name for name in names if prose.is_code(name) and not name.istitle()
        )

    @cached_property
    def symptoms(self) -> list[tuple[str, str]]:
        """Errors as developers see them, each with the exceptions' names."""
        return list(topics.symptoms(self._reference))


def read(skill: str, reference: str) -> Triggers:
    """Read the triggers in the texts of SKILL.md and reference.md.

    The metadata are strings in double quotes, a line each: no YAML parser is needed.
    """
    head = skill.replace("\r\n", "\n").partition("\n---\n")[0]
    lines = re.findall(r'^  ([\w-]+): (".*")$', head, re.MULTILINE)
    return Triggers({key: json.loads(value) for key, value in lines}, reference)
