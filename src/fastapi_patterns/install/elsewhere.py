"""What makes a client look elsewhere than where it is installed."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from fastapi_patterns.install import clients
from fastapi_patterns.install.clients import Scope

# A string, which is kept, or a comment, which those settings may hold.
_COMMENT = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)

_VARIABLES = {
    "claude": ("CLAUDE_CONFIG_DIR", ".claude"),
    "codex": ("CODEX_HOME", ".codex"),
    "gemini": ("GEMINI_CLI_HOME", ""),
    "copilot": ("COPILOT_HOME", ".copilot"),
    "opencode": ("XDG_CONFIG_HOME", ".config"),
}
"""By client the variable that names a folder, and the home's folder it stands for."""


def moved(name: str, home: Path) -> str:
    """Say where a client looks in place of the home, "" if it does look there."""
    variable, folder = _VARIABLES.get(name, ("", ""))
    instead = os.environ.get(variable, "")
    if not instead or Path(instead).resolve() == (home / folder).resolve():
        return ""
    return (
        f"{variable} is set: {clients.ALL[name].title} looks in {instead}, not in "
        f"{home / folder}: install in a project, or unset it"
    )


def hidden(names: Iterable[str], root: Path, scope: Scope) -> Iterator[str]:
    """Say which blocks are written where their client does not read them."""
    for name in names:
        rule = root / clients.ALL[name].place(scope).rule
        override = rule.with_name("AGENTS.override.md")
        if name == "codex" and override.exists():
            yield f"{override} is there: Codex reads it, and not {rule}"
        if name == "gemini":
            for folder in (root, Path.home()):  # the project's go before the user's
                settings = folder / ".gemini" / "settings.json"
                if read := _read_by_gemini(settings):
                    if rule.name not in read:
                        told = f"Gemini CLI reads {', '.join(read)}, and not {rule}"
                        yield f"{settings} says: {told}"
                    break


def _read_by_gemini(settings: Path) -> list[str]:
    """Give the files of instructions that settings name, none if they name none."""
    try:
        text = settings.read_text(encoding="utf-8")
        said: Any = json.loads(_COMMENT.sub(lambda found: found[1] or "", text))
        names = said["context"]["fileName"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    listed = names if isinstance(names, list) else [names]
    return [name for name in listed if isinstance(name, str)]
