"""A line of context for an agent: the skill that fits, and its section.

Claude Code runs this on each prompt and on files that are read or written. It says one
line for each topic of a session, and nothing where it does not understand its input or
cannot remember what it said. It lets an agent read the skill's own documents, which
the line names, and says it anew when a session's context was compacted. Standard
library only, on any Python from 3.9; what takes time to import is imported when it is
needed.
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

    from fastapi_patterns.activation import topics
    from fastapi_patterns.activation.files import File
    from fastapi_patterns.activation.matching import Match

NAME = "fastapi-patterns"
PROMPT, TOOL, START = "UserPromptSubmit", "PreToolUse", "SessionStart"
FORGOTTEN = ("compact", "clear")
"""The starts of a session after which its context does not hold what was said."""

DOCUMENTS = ("SKILL.md", "reference.md", "examples.md")
"""What of the plugin an agent may read without asking.

Not examples/: whoever runs the app there leaves secrets and databases in it.
"""

LINES_FOR_FILES = 4
"""How many lines a session gets for files at most: an agent may touch hundreds."""

LONGEST_REASON = 60
"""How many characters of what was found are said."""

KEPT_DAYS = 7
"""How long it is remembered what a session was told."""

SWEPT = 500
"""How many sessions are looked at to forget those long over."""

# What is remembered beside a section's anchor, in which no dot stands.
ANY_TOPIC, OF_FILE = "skill.", ".file"


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
        environ: ``CLAUDE_PLUGIN_DATA`` says where to remember what was said, and
            ``CLAUDE_PROJECT_DIR`` where the project is.
    """
    if not isinstance(event, dict) or not _session_of(event):
        return ""
    name = str(event.get("hook_event_name"))
    given = event.get("tool_input") if name == TOOL else None
    given = given if isinstance(given, dict) else {}
    if name == START and event.get("source") in FORGOTTEN:
        _clear(_memory(event, environ))
    if name == TOOL and _is_ours(event.get("tool_name"), given, root):
        return _output(name, permissionDecision="allow")
    prompt = event.get("prompt") if name == PROMPT else ""
    path = given.get("file_path")
    if not isinstance(path, str) or not path.endswith(".py"):
        path = ""
    if not isinstance(prompt, str) or not (prompt.strip() or path):
        return ""
    context = _context(event, prompt, path, given, root, environ)
    return _output(name, additionalContext=context) if context else ""


def _output(name: str, **fields: str) -> str:
    return json.dumps({"hookSpecificOutput": {"hookEventName": name, **fields}})


def _is_ours(tool: object, given: dict[str, Any], root: str) -> bool:
    """Tell whether a tool only reads the skill's own documents."""
    path = given.get("file_path")
    if tool != "Read" or not isinstance(path, str) or not os.path.isabs(path):
        return False
    try:
        inside = os.path.relpath(os.path.realpath(path), os.path.realpath(root))
    except ValueError:  # on another drive
        return False
    return inside in DOCUMENTS


def _context(
    event: dict[str, Any],
    prompt: str,
    path: str,
    given: dict[str, Any],
    root: str,
    environ: Mapping[str, str],
) -> str:
    """Give the line to say for a prompt or a file, or nothing."""
    # Most of what a session reads does not come this far, and needs none of them.
    from fastapi_patterns.activation import (
        matching,
        projects,
        prompts,
        topics,
        triggers,
    )

    cwd = event.get("cwd")
    folder = environ.get("CLAUDE_PROJECT_DIR") or (cwd if isinstance(cwd, str) else "")
    files = [_file_of(path, given, folder)] if path else []
    reference = _read(root, "reference.md")
    known = triggers.read(_read(root, "SKILL.md"), reference)
    home = projects.folder_of(os.path.join(folder, "_"), folder) if folder else ""
    project = projects.weigh(known, home) if home else None
    found = matching.match(known, prompt, files, project)
    if not found.applies:
        return ""
    fitting = topics.find(
        reference,
        prompts.ends(prompt),
        files[0].place if files else "",
        files[0].text or "" if files else "",
    )
    told = _told(event, environ)
    if not _is_new(event, fitting, told, bool(files), environ):
        return ""
    loaded = bool(told) or prompt.startswith(f"/{NAME}")
    return _line(found, fitting, root, loaded)


def _read(root: str, name: str) -> str:
    with open(os.path.join(root, name), "rb") as opened:
        return opened.read().replace(b"\r\n", b"\n").decode()


def _file_of(path: str, given: dict[str, Any], folder: str) -> File:
    """Give the file that a tool reads or writes, with its text as it will be."""
    from fastapi_patterns.activation import files

    there = files.read(path, folder)
    text = there.text
    content = given.get("content")
    if isinstance(content, str):
        return there._replace(text=content[: files.READ_BYTES])
    edits = given.get("edits")
    for edit in edits if isinstance(edits, list) else [given]:
        old, new = (edit.get(key) for key in ("old_string", "new_string"))
        if not (isinstance(old, str) and isinstance(new, str)):
            continue
        if old and text and old in text:
            text = text.replace(old, new, -1 if edit.get("replace_all") else 1)
        else:
            text = f"{text or ''}\n{new}"
    return there._replace(text=text and text[: 2 * files.READ_BYTES])


def _session_of(event: dict[str, Any]) -> str:
    """Give who is told: a session, or an agent in it that has a context of its own."""
    session, agent = event.get("session_id"), event.get("agent_id")
    if not isinstance(session, str) or not session:
        return ""
    return f"{session}-{agent}" if isinstance(agent, str) else session


def _told(event: dict[str, Any], environ: Mapping[str, str]) -> list[str]:
    """Give the topics that a session was told of."""
    folder = _memory(event, environ)
    if not os.path.isdir(folder):
        os.makedirs(folder, mode=0o700, exist_ok=True)
        _forget(os.path.dirname(folder))
    return os.listdir(folder)


def _is_new(
    event: dict[str, Any],
    fitting: list[topics.Topic],
    told: list[str],
    for_file: bool,
    environ: Mapping[str, str],
) -> bool:
    """Remember that a session is told of a topic; tell whether it was not before."""
    if told and not fitting:
        return False
    if for_file and sum(name.endswith(OF_FILE) for name in told) >= LINES_FOR_FILES:
        return False
    name = fitting[0].anchor if fitting else ANY_TOPIC
    if name in told or f"{name}{OF_FILE}" in told:
        return False
    mark = f"{name}{OF_FILE}" if for_file else name
    path = os.path.join(_memory(event, environ), mark)
    try:  # hooks of tools run side by side: only one makes the file
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return False
    return True


def _memory(event: dict[str, Any], environ: Mapping[str, str]) -> str:
    """Give the folder that remembers what a session was told."""
    base = environ.get("CLAUDE_PLUGIN_DATA") or os.path.join(
        os.path.expanduser("~"), ".cache", NAME
    )
    name = re.sub(r"[^\w-]", "_", _session_of(event))[:120]
    return os.path.join(base, "sessions", name)


def _forget(sessions: str) -> None:
    """Forget sessions long over; what cannot be removed stays."""
    oldest = time.time() - KEPT_DAYS * 86_400
    if os.path.islink(sessions):
        return
    with os.scandir(sessions) as entries:
        for _, entry in zip(range(SWEPT), entries):
            try:
                is_folder = entry.is_dir(follow_symlinks=False)
                if is_folder and entry.stat().st_mtime < oldest:
                    _clear(entry.path)
            except OSError:
                continue


def _clear(folder: str) -> None:
    """Forget what a session was told."""
    if os.path.isdir(folder) and not os.path.islink(folder):
        for told in os.listdir(folder):
            os.unlink(os.path.join(folder, told))
        os.rmdir(folder)


def _line(found: Match, fitting: list[topics.Topic], root: str, loaded: bool) -> str:
    why = max(found.evidence, key=lambda evidence: evidence.weight)
    reason = why.trigger if why.kind == "path" else why.found
    reason = " ".join(reason.split())[:LONGEST_REASON]
    said = f"The skill {NAME} fits this ({why.kind}: {reason})"
    if not loaded:
        said += ": load it before you go on"
    if fitting:
        reference = os.path.join(root, "reference.md")
        sections = " or ".join(
            f'"{title}", lines {first} to {last}' for title, _, (first, last) in fitting
        )
        said += f"{':' if loaded else ';'} of {reference} read {sections}"
    return f"{said}."
