"""What tells a client that the skill is for a file: a rule in the client's own format.

Made of the triggers, so that a rule and the skill never say different things.
"""

from __future__ import annotations

from fastapi_patterns import skill_folder
from fastapi_patterns.activation.triggers import Triggers

BEGIN = f"<!-- {skill_folder.NAME}: begin -->"
END = f"<!-- {skill_folder.NAME}: end -->"


def claude(triggers: Triggers, skill: str) -> str:
    """Make a rule for Claude Code, which adds it when a matching file is read."""
    paths = "".join(f'  - "{glob}"\n' for glob in _globs(triggers))
    return f"---\npaths:\n{paths}---\n\n{_advice(triggers, skill)}\n"


def copilot(triggers: Triggers, skill: str) -> str:
    """Make instructions for GitHub Copilot."""
    globs = ",".join(_globs(triggers))
    return f'---\napplyTo: "{globs}"\n---\n\n{_advice(triggers, skill)}\n'


def cursor(triggers: Triggers, skill: str) -> str:
    """Make a rule for Cursor."""
    return (
        f"---\ndescription: When to use the skill {skill_folder.NAME}\n"
        f"globs: {','.join(_globs(triggers))}\nalwaysApply: false\n---\n\n"
        f"{_advice(triggers, skill)}\n"
    )


def windsurf(triggers: Triggers, skill: str) -> str:
    """Make a rule for Windsurf."""
    globs = ",".join(_globs(triggers))
    return f"---\ntrigger: glob\nglobs: {globs}\n---\n\n{_advice(triggers, skill)}\n"


def kiro(triggers: Triggers, skill: str) -> str:
    """Make a steering file for Kiro."""
    globs = ", ".join(f'"{glob}"' for glob in _globs(triggers))
    return (
        f"---\ninclusion: fileMatch\nfileMatchPattern: [{globs}]\n---\n\n"
        f"{_advice(triggers, skill)}\n"
    )


def block(triggers: Triggers, skill: str) -> str:
    """Make the block for a file of instructions that has no paths of its own."""
    globs = ", ".join(f"`{glob}`" for glob in _globs(triggers))
    return (
        f"{BEGIN}\n## When to use the skill {skill_folder.NAME}\n\n"
        f"Files: {globs}.\nTasks: {', '.join(triggers.tasks)}.\n\n"
        f"{_advice(triggers, skill)}\n{END}\n"
    )


def _globs(triggers: Triggers) -> list[str]:
    return [glob for glob in triggers.paths if not glob.startswith("!")]


def _advice(triggers: Triggers, skill: str) -> str:
    ours = ", ".join(f"`{name}`" for name in triggers.imports)
    foreign = ", ".join(f"`{name}`" for name in triggers.foreign_imports[:3])
    instead = "".join(f" For {what}: skill `{s}`." for s, what in triggers.skills)
    return (
        f"The skill `{skill_folder.NAME}` is for files that import {ours}, or are part "
        f"of such an app. Before you change one, read `{skill}/SKILL.md`, then the one "
        f"section of `{skill}/reference.md` that fits. It is not for files of another "
        f"framework ({foreign}, …).{instead}"
    )
