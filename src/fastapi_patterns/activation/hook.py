"""A line of context for an agent: the skill that fits, and its section.

Claude Code runs this on each prompt and on files that are read or written. It says one
line for each topic of a session, and nothing where it does not understand its input or
cannot remember what it said. Standard library only, on any Python from 3.9; what takes
time to import is imported when it is needed.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from fastapi_patterns.activation import topics, triggers

NAME = "fastapi-patterns"
PROMPT, BEFORE, AFTER = "UserPromptSubmit", "PreToolUse", "PostToolUse"

LINES_FOR_FILES = 4
"""How many lines a session gets for files at most: an agent may touch hundreds."""

LONGEST_REASON = 60
"""How many characters of what was found are said."""

KEPT_DAYS = 7
"""How long it is remembered what a session was told."""

ANY_TOPIC = "skill"


def main(root: str) -> None:
    """Answer the event on standard input.

    Args:
        root: The folder of SKILL.md and reference.md.
    """
    data = sys.stdin.buffer.read()
    said = answer(json.loads(data), root, os.environ)
    if said:
        sys.stdout.buffer.write(said.encode())


def answer(event: Any, root: str, environ: Mapping[str, str]) -> str:
    """Give what to print for an event, or nothing.

    Args:
        event: What Claude Code sends, as parsed from JSON.
        root: The folder of SKILL.md and reference.md.
        environ: ``CLAUDE_PLUGIN_DATA`` says where to remember what was said.
    """
    if not isinstance(event, dict):
        return ""
    name = event.get("hook_event_name")
    prompt = event.get("prompt") if name == PROMPT else ""
    given = event.get("tool_input") if name in (BEFORE, AFTER) else None
    given = given if isinstance(given, dict) else {}
    path = given.get("file_path")
    if not isinstance(path, str) or not path.endswith(".py"):
        path = ""
    if not isinstance(prompt, str) or not (prompt.strip() or path):
        return ""

    # Most of what a session reads ends above, before these take their time.
    from fastapi_patterns.activation import topics, triggers

    files = [_file_of(path, given, event.get("cwd"))] if path else []
    reference = _read(root, "reference.md")
    found = triggers.match(
        triggers.read(_read(root, "SKILL.md"), reference), prompt, files
    )
    if not found.applies:
        return ""
    about = prompt[: triggers.PROMPT_CHARACTERS] or _gist(files[0])
    topic = topics.find(reference, about)
    if not _is_new(event, topic, bool(files), environ):
        return ""
    context = _line(found, topic, root)
    output = {"hookEventName": name, "additionalContext": context}
    return json.dumps({"hookSpecificOutput": output})


def _read(root: str, name: str) -> str:
    with open(os.path.join(root, name), encoding="utf-8") as opened:
        return opened.read()


def _file_of(path: str, given: dict[str, Any], cwd: object) -> triggers.File:
    """Give the file that a tool reads or writes, with its text as it will be."""
    from fastapi_patterns.activation import triggers

    there = triggers.file(path, cwd if isinstance(cwd, str) else "")
    written = [given.get("content"), given.get("new_string")]
    new = "\n".join(t[: triggers.READ_BYTES] for t in written if isinstance(t, str))
    if there.text is None and not new:
        return there
    return triggers.File(there.path, f"{there.text or ''}\n{new}")


def _gist(file: triggers.File) -> str:
    """Give what says most of a file: the words of its path and what it imports."""
    imports = re.findall(
        r"^from (?:fastapi|starlette|sqlalchemy|pydantic)\S* import (\([^)]*\)|.*)",
        file.text or "",
        re.MULTILINE,
    )
    return f"{file.path} {' '.join(imports)}"


def _is_new(
    event: dict[str, Any],
    topic: topics.Topic | None,
    for_file: bool,
    environ: Mapping[str, str],
) -> bool:
    """Remember that a session is told of a topic; tell whether it was not before."""
    session = event.get("session_id")
    if not isinstance(session, str) or not session:
        return True
    folder = _memory(session, environ)
    told = os.listdir(folder)
    if told and topic is None:
        return False
    if for_file and sum(name.startswith("file-") for name in told) >= LINES_FOR_FILES:
        return False
    name = topic.anchor if topic else ANY_TOPIC
    if name in told or f"file-{name}" in told:
        return False
    mark = os.path.join(folder, f"file-{name}" if for_file else name)
    try:  # hooks of tools run side by side: only one makes the file
        os.close(os.open(mark, os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return False
    return True


def _memory(session: str, environ: Mapping[str, str]) -> str:
    """Give the folder that remembers a session, and forget those long over."""
    base = environ.get("CLAUDE_PLUGIN_DATA") or os.path.join(
        os.path.expanduser("~"), ".cache", NAME
    )
    sessions = os.path.join(base, "sessions")
    folder = os.path.join(sessions, re.sub(r"[^\w-]", "_", session)[:80])
    if not os.path.isdir(folder):
        os.makedirs(folder, mode=0o700, exist_ok=True)
        _forget(sessions)
    return folder


def _forget(sessions: str) -> None:
    oldest = time.time() - KEPT_DAYS * 86_400
    for entry in os.scandir(sessions):
        if entry.is_dir(follow_symlinks=False) and entry.stat().st_mtime < oldest:
            for told in os.scandir(entry.path):
                os.unlink(told.path)
            os.rmdir(entry.path)


def _line(found: triggers.Match, topic: topics.Topic | None, root: str) -> str:
    why = max(found.evidence, key=lambda evidence: evidence.weight)
    reason = why.trigger if why.kind == "path" else why.found
    reason = " ".join(reason.split())[:LONGEST_REASON]
    line = (
        f"The skill {NAME} fits this ({why.kind}: {reason}): load it before you go on"
    )
    if topic is None:
        return f"{line}."
    first, last = topic.lines
    reference = os.path.join(root, "reference.md")
    return f'{line}; of {reference} read "{topic.title}", lines {first} to {last}.'
