"""The clients that read skills: where each looks, and what tells it of a file's path.

Where a place was seen at work, ``clients/`` proves it with the real client; those of
Cursor, Windsurf and Kiro, which have no command line to ask, are as documented.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from fastapi_patterns import skill_folder
from fastapi_patterns.activation.triggers import Triggers
from fastapi_patterns.install import rules


class Scope(StrEnum):
    """For whom the skill is installed: all who work on a project, or one user."""

    PROJECT = "project"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a client looks, from the project's folder or from the user's home.

    Attributes:
        skills: The folder of skills.
        rule: The file that tells the client of paths; "" where there is none.
        render: Makes that file's text.
        shared: The file is the user's; only a marked block in it is ours.
    """

    skills: str
    rule: str = ""
    render: Callable[[Triggers, str], str] = rules.block
    shared: bool = False

    @property
    def skill(self) -> str:
        """The skill's own folder."""
        return f"{self.skills}/{skill_folder.NAME}"

    def holds(self, path: str) -> bool:
        """Tell whether a path is one that is written for it."""
        return path in (self.rule, self.skill) or path.startswith(f"{self.skill}/")


@dataclass(frozen=True, slots=True)
class Client:
    """A program that runs coding agents.

    Attributes:
        name: What it is called on the command line.
        title: What it is called by people.
        project: Where it looks in a project.
        user: Where it looks in a user's home.
        traces: What shows that a project uses it.
        home_traces: What shows that a user uses it.
    """

    name: str
    title: str
    project: Place
    user: Place
    traces: tuple[str, ...]
    home_traces: tuple[str, ...]

    def place(self, scope: Scope) -> Place:
        """Give where it looks."""
        return self.project if scope is Scope.PROJECT else self.user

    def traces_of(self, scope: Scope) -> tuple[str, ...]:
        """Give what shows that a project, or a user, uses it."""
        return self.traces if scope is Scope.PROJECT else self.home_traces


COMMON = ".agents/skills"
_NAME = skill_folder.NAME

ALL = {
    client.name: client
    for client in (
        Client(
            "claude",
            "Claude Code",
            Place(".claude/skills", f".claude/rules/{_NAME}.md", rules.claude),
            Place(".claude/skills", f".claude/rules/{_NAME}.md", rules.claude),
            (".claude", "CLAUDE.md"),
            (".claude", ".claude.json"),
        ),
        Client(
            "codex",
            "Codex",
            Place(COMMON, "AGENTS.md", shared=True),
            Place(COMMON, ".codex/AGENTS.md", shared=True),
            (".codex", "AGENTS.md"),
            (".codex",),
        ),
        Client(
            "gemini",
            "Gemini CLI",
            Place(COMMON, "GEMINI.md", shared=True),
            Place(COMMON, ".gemini/GEMINI.md", shared=True),
            (".gemini", "GEMINI.md"),
            (".gemini",),
        ),
        Client(
            "copilot",
            "GitHub Copilot",
            Place(
                COMMON, f".github/instructions/{_NAME}.instructions.md", rules.copilot
            ),
            Place(
                COMMON, f".copilot/instructions/{_NAME}.instructions.md", rules.copilot
            ),
            (".github/copilot-instructions.md", ".github/instructions"),
            (".copilot",),
        ),
        Client(
            "opencode",
            "OpenCode",
            Place(COMMON, "AGENTS.md", shared=True),
            Place(COMMON, ".config/opencode/AGENTS.md", shared=True),
            (".opencode", "opencode.json", "opencode.jsonc"),
            (".config/opencode",),
        ),
        Client(
            "cursor",
            "Cursor",
            Place(COMMON, f".cursor/rules/{_NAME}.mdc", rules.cursor),
            Place(".cursor/skills"),
            (".cursor", ".cursorrules"),
            (".cursor",),
        ),
        Client(
            "windsurf",
            "Windsurf",
            Place(".windsurf/skills", f".windsurf/rules/{_NAME}.md", rules.windsurf),
            Place(".codeium/windsurf/skills"),
            (".windsurf", ".windsurfrules"),
            (".codeium/windsurf",),
        ),
        Client(
            "kiro",
            "Kiro",
            Place(".kiro/skills", f".kiro/steering/{_NAME}.md", rules.kiro),
            Place(".kiro/skills", f".kiro/steering/{_NAME}.md", rules.kiro),
            (".kiro",),
            (".kiro",),
        ),
    )
}
"""The clients, by name."""
