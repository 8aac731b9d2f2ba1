"""What makes a client look elsewhere than where it is installed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from fastapi_patterns.install import clients
from fastapi_patterns.install.clients import Scope

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
            for folder in dict.fromkeys((root, Path.home())):
                settings = folder / ".gemini" / "settings.json"
                if rule.name not in (read := _read_by_gemini(settings)):
                    told = f"Gemini CLI reads {', '.join(read)}, and not {rule}"
                    yield f"{settings} says: {told}"


def _read_by_gemini(settings: Path) -> list[str]:
    """Give the names of the files of instructions that Gemini CLI reads."""
    try:
        said: Any = json.loads(settings.read_text(encoding="utf-8"))
        names = said["context"]["fileName"]
    except (OSError, ValueError, KeyError, TypeError):
        return ["GEMINI.md"]
    return [names] if isinstance(names, str) else [*map(str, names)]
