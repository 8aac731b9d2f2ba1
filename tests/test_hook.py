"""The plugin's hooks, as Claude Code runs them: a process, an event on its input."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

HOOKS = json.loads((ROOT / "hooks" / "hooks.json").read_text())["hooks"]
ROUTES = "from fastapi import APIRouter, Depends\n\nrouter = APIRouter()\n"


@dataclass(frozen=True)
class Session:
    """A session of Claude Code in a project."""

    folder: Path
    name: str = "0b1c"

    def send(self, event: str, **fields: Any) -> str:
        """Give the line of context that an event brings, "" for none."""
        data = {
            "session_id": self.name,
            "cwd": str(self.folder),
            "hook_event_name": event,
            **fields,
        }
        said = self.raw(event, json.dumps(data).encode())
        if not said:
            return ""
        output = json.loads(said)["hookSpecificOutput"]
        assert output["hookEventName"] == event
        context: str = output["additionalContext"]
        return context

    def raw(self, event: str, data: bytes, root: Path = ROOT) -> str:
        """Run the event's command as hooks.json has it."""
        ((entry,),) = [matcher["hooks"] for matcher in HOOKS[event]]
        done = subprocess.run(
            ["sh", "-c", entry["command"]],
            input=data,
            cwd=self.folder,
            env={
                "PATH": os.environ["PATH"],
                "CLAUDE_PLUGIN_ROOT": str(root),
                "CLAUDE_PLUGIN_DATA": str(self.folder / ".data"),
            },
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0
        assert done.stderr == b""
        return done.stdout.decode()

    def ask(self, prompt: str) -> str:
        return self.send("UserPromptSubmit", prompt=prompt)

    def read(self, path: str, text: str = ROUTES) -> str:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return self.send(
            "PreToolUse", tool_name="Read", tool_input={"file_path": str(file)}
        )

    def write(self, path: str, text: str) -> str:
        given = {"file_path": str(self.folder / path), "content": text}
        return self.send("PreToolUse", tool_name="Write", tool_input=given)


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path)


class TestWhatIsSaid:
    """One line, with the skill and the section that fits."""

    def test_a_prompt_brings_the_skill_and_the_section(self, session: Session) -> None:
        said = session.ask("add rotation of refresh tokens to our FastAPI login")
        assert "The skill fastapi-patterns fits this" in said
        assert '"Passwords and refresh tokens"' in said
        assert "\n" not in said
        assert len(said) < 400

    def test_the_lines_that_it_names_are_the_sections(self, session: Session) -> None:
        said = session.ask("FastAPI rate limiting with 429")
        path, _, rest = said.partition("; of ")[2].partition(' read "')
        title, _, lines = rest.partition('", lines ')
        first, last = map(int, lines.partition(" or ")[0].rstrip(".").split(" to "))
        text = Path(path).read_text().split("\n")
        assert text[first - 1] == f"## {title}"
        assert text[last].startswith("## ")
        assert not any(line.startswith("## ") for line in text[first:last])

    def test_an_error_message_brings_its_section(self, session: Session) -> None:
        said = session.ask("QueuePool limit of size 5 overflow 10 reached")
        assert '"Engines and pools"' in said

    def test_a_file_that_is_read_brings_it(self, session: Session) -> None:
        assert "(import: fastapi)" in session.read("shop/orders.py")

    def test_a_file_that_will_be_written_brings_it(self, session: Session) -> None:
        assert "(import: fastapi)" in session.write("shop/orders.py", ROUTES)

    @pytest.mark.parametrize(
        ("path", "text"),
        [
            ("app/api/routes.py", "from flask import Blueprint\n"),
            ("scripts/report.py", "import csv\n"),
            ("web/src/api/client.ts", "import axios from 'axios'\n"),
            ("README.md", "FastAPI\n"),
        ],
    )
    def test_another_file_brings_nothing(
        self, session: Session, path: str, text: str
    ) -> None:
        assert session.read(path, text) == ""

    @pytest.mark.parametrize(
        ("path", "text", "section"),
        [
            ("app/routers/users.py", ROUTES, "Routers and path operations"),
            ("app/core/config.py", "from pydantic import BaseModel\n", "Settings"),
            ("backend/services/user.py", "import sqlalchemy\n", "Services"),
        ],
    )
    def test_a_file_brings_its_section(
        self, session: Session, path: str, text: str, section: str
    ) -> None:
        assert f'"{section}"' in session.read(path, text)

    def test_a_file_is_judged_as_it_will_be(self, session: Session) -> None:
        flask = "from flask import Flask\n"
        session.read("shop/old.py", flask)
        path = str(session.folder / "shop" / "old.py")
        edits = [{"old_string": flask, "new_string": ROUTES}]
        given = {"file_path": path, "edits": edits}
        said = session.send("PreToolUse", tool_name="MultiEdit", tool_input=given)
        assert "(import: fastapi)" in said
        another = Session(session.folder, "another")
        another.read("shop/new.py", "")
        (session.folder / "shop" / "new.py").write_text(ROUTES)
        assert another.write("shop/new.py", flask) == ""

    @pytest.mark.parametrize("every", [False, True])
    def test_an_edit_is_made_where_it_is(self, session: Session, every: bool) -> None:
        text = "from fastapi import APIRouter\nfrom fastapi import Depends\n"
        session.read("shop/old.py", "")
        (session.folder / "shop" / "old.py").write_text(text)
        given = {
            "file_path": str(session.folder / "shop" / "old.py"),
            "old_string": "fastapi",
            "new_string": "flask",
            "replace_all": every,
        }
        said = session.send("PreToolUse", tool_name="Edit", tool_input=given)
        assert bool(said) is not every

    def test_the_project_is_found_from_below(self, session: Session) -> None:
        # The event's cwd follows the agent's cd.
        (session.folder / "pyproject.toml").write_text("dependencies = ['fastapi']")
        below = session.folder / "backend" / "services"
        below.mkdir(parents=True)
        (below / "orders.py").write_text("import csv\n")
        given = {"file_path": str(below / "orders.py")}
        assert session.send(
            "PreToolUse", cwd=str(below), tool_name="Read", tool_input=given
        )

    @pytest.mark.parametrize("prompt", ["fix the CSS", "thanks!", "", "   "])
    def test_another_prompt_brings_nothing(self, session: Session, prompt: str) -> None:
        assert session.ask(prompt) == ""


class TestNoNagging:
    """It is said once per session and topic."""

    def test_the_same_topic_is_said_once(self, session: Session) -> None:
        assert session.ask("FastAPI rate limiting with 429")
        assert session.ask("FastAPI rate limiting with 429") == ""

    def test_another_topic_is_said_too(self, session: Session) -> None:
        assert session.ask("FastAPI rate limiting with 429")
        assert '"Soft delete"' in session.ask("soft delete for the agents of our API")

    def test_another_session_is_told_anew(self, session: Session) -> None:
        prompt = "FastAPI rate limiting with 429"
        assert session.ask(prompt)
        assert Session(session.folder, "another").ask(prompt)

    def test_a_prompt_and_a_file_share_topics(self, session: Session) -> None:
        assert '"Dependency injection"' in session.ask("FastAPI dependency injection")
        deps = "from fastapi import Depends\n"
        assert session.read("shop/dependency_injection.py", deps) == ""

    def test_hundreds_of_files_bring_few_lines(self, session: Session) -> None:
        names = (
            "health readiness soft_delete websocket rate_limiting metrics csrf cors "
            "templates migrations pagination authentication caching uploads"
        )
        said = [session.read(f"app/{name}.py") for name in names.split()]
        assert sum(map(bool, said)) <= 4

    def test_hooks_side_by_side_say_it_once(self, session: Session) -> None:
        session.read("shop/orders.py", "x = 1\n")
        path = session.folder / "shop" / "orders.py"
        path.write_text(ROUTES)
        given = {"file_path": str(path)}
        with ThreadPoolExecutor(8) as pool:
            said = pool.map(
                lambda _: session.send(
                    "PreToolUse", tool_name="Read", tool_input=given
                ),
                range(8),
            )
        assert sum(map(bool, said)) == 1

    def test_sessions_long_over_are_forgotten(self, session: Session) -> None:
        assert session.ask("FastAPI rate limiting with 429")
        (old,) = (session.folder / ".data" / "sessions").iterdir()
        month_ago = time.time() - 30 * 86_400
        os.utime(old, (month_ago, month_ago))
        Session(session.folder, "new").ask("FastAPI rate limiting with 429")
        assert not old.exists()

    def test_an_agent_of_the_session_is_told_too(self, session: Session) -> None:
        # It has a context of its own.
        prompt = "FastAPI rate limiting with 429"
        assert session.send("UserPromptSubmit", prompt=prompt, agent_id="a1")
        assert session.ask(prompt)
        assert session.ask(prompt) == ""

    @pytest.mark.parametrize(("source", "told"), [("compact", True), ("resume", False)])
    def test_what_a_context_lost_is_said_anew(
        self, session: Session, source: str, told: bool
    ) -> None:
        prompt = "FastAPI rate limiting with 429"
        assert session.ask(prompt)
        event = {"session_id": session.name, "hook_event_name": "SessionStart"}
        data = json.dumps({**event, "source": source}).encode()
        assert session.raw("SessionStart", data) == ""
        assert bool(session.ask(prompt)) is told

    def test_to_load_the_skill_is_said_once(self, session: Session) -> None:
        assert "load it" in session.ask("FastAPI rate limiting with 429")
        assert "load it" not in session.ask("soft delete for the agents of our API")
        asked = "/fastapi-patterns:fastapi-patterns soft delete in FastAPI"
        assert "load it" not in Session(session.folder, "another").ask(asked)

    def test_what_cannot_be_forgotten_is_left(self, session: Session) -> None:
        old = session.folder / ".data" / "sessions" / "old"
        (old / "a folder").mkdir(parents=True)
        os.utime(old, (0, 0))
        assert session.ask("FastAPI rate limiting with 429")

    def test_it_forgets_nothing_through_a_link(self, session: Session) -> None:
        elsewhere = session.folder / "elsewhere"
        (elsewhere / "old").mkdir(parents=True)
        (elsewhere / "old" / "precious").write_text("")
        os.utime(elsewhere / "old", (0, 0))
        (session.folder / ".data").mkdir()
        (session.folder / ".data" / "sessions").symlink_to(elsewhere)
        session.ask("FastAPI rate limiting with 429")
        assert (elsewhere / "old" / "precious").exists()


class TestReading:
    """An agent reads the section that was named without asking the user."""

    @pytest.mark.parametrize(
        ("tool", "path", "allowed"),
        [
            ("Read", "reference.md", True),
            ("Read", "examples/backend/../../examples.md", True),
            ("Read", "examples/backend/main.py", False),
            ("Read", "examples/.env", False),
            ("Read", "examples/../pyproject.toml", False),
            ("Read", "../reference.md", False),
            ("Read", "src/fastapi_patterns/cli.py", False),
            ("Write", "reference.md", False),
            ("Edit", "examples.md", False),
        ],
    )
    def test_it_is_allowed_for_the_skills_documents(
        self, session: Session, tool: str, path: str, allowed: bool
    ) -> None:
        event = {
            "session_id": session.name,
            "hook_event_name": "PreToolUse",
            "tool_name": tool,
            "tool_input": {"file_path": f"{ROOT}/{path}"},
        }
        said = session.raw("PreToolUse", json.dumps(event).encode())
        assert ('"permissionDecision": "allow"' in said) is allowed

    def test_a_link_in_their_place_is_not(self, session: Session) -> None:
        root = session.folder / "plugin"
        shutil.copytree(ROOT / "hooks", root / "hooks")
        shutil.copytree(ROOT / "src", root / "src")
        (root / "examples.md").symlink_to(session.folder / "secret.md")
        (root / "reference.md").write_text("")
        event = {
            "session_id": session.name,
            "hook_event_name": "PreToolUse",
            "tool_name": "Read",
        }
        for name, said in (("examples.md", False), ("reference.md", True)):
            given = {"file_path": str(root / name)}
            data = json.dumps({**event, "tool_input": given}).encode()
            assert bool(session.raw("PreToolUse", data, root)) is said


class TestAnyInput:
    """It is silent on what it does not understand, and never fails the turn."""

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"garbage",
            b"[]",
            b"null",
            b"{}",
            b"\xff\xfe\x00",
            b'{"prompt": "fastapi"}',
            b'{"hook_event_name": "UserPromptSubmit", "prompt": 7}',
            b'{"hook_event_name": "UserPromptSubmit", "prompt": "fastapi router"}',
            b'{"hook_event_name": "UserPromptSubmit", "prompt": "fastapi router", '
            b'"session_id": 7}',
            b'{"hook_event_name": "PreToolUse", "session_id": "a", "tool_input": "x"}',
            b'{"hook_event_name": "PreToolUse", "session_id": "a", '
            b'"tool_input": {"file_path": 7}}',
            b'{"hook_event_name": "PreToolUse", "session_id": "a", '
            b'"tool_input": {"file_path": "\\u0000.py"}}',
            b'{"hook_event_name": "PreToolUse", "session_id": "a", '
            b'"tool_name": "Edit", "tool_input": {"file_path": "/a.py", '
            b'"edits": [7, {"new_string": 8}]}}',
            b'{"hook_event_name": "Stop", "session_id": "a", "prompt": "fastapi"}',
            b'{"hook_event_name": "SessionStart", "session_id": "a", "source": []}',
        ],
    )
    def test_it_is_silent(self, session: Session, data: bytes) -> None:
        for event in HOOKS:
            assert session.raw(event, data) == ""

    def test_a_long_prompt_is_taken(self, session: Session) -> None:
        session.ask("a" * 1_000_000)
        assert session.ask("FastAPI rate limiting " + "x/" * 500_000)

    def test_what_is_said_stays_short(self, session: Session) -> None:
        said = session.ask("fix GET /{a}" + "b" * 15_000 + " in our endpoint router")
        assert 0 < len(said) < 400

    def test_a_pipe_is_not_waited_for(self, session: Session) -> None:
        os.mkfifo(session.folder / "routes.py")
        given = {"file_path": str(session.folder / "routes.py")}
        assert session.send("PreToolUse", tool_name="Read", tool_input=given) == ""

    def test_a_pipe_for_dependencies_is_not_waited_for(self, session: Session) -> None:
        os.mkfifo(session.folder / "requirements.txt")
        assert session.ask("FastAPI rate limiting with 429")

    def test_a_folder_that_cannot_be_written_keeps_it_silent(
        self, session: Session
    ) -> None:
        # It could not remember, and would say it on every turn.
        (session.folder / ".data").write_text("a file")
        assert session.ask("FastAPI rate limiting with 429") == ""

    def test_a_broken_installation_is_silent(
        self, session: Session, tmp_path: Path
    ) -> None:
        event = b'{"hook_event_name": "UserPromptSubmit", "prompt": "fastapi"}'
        assert session.raw("UserPromptSubmit", event, root=tmp_path / "gone") == ""


def test_it_needs_the_standard_library_only() -> None:
    # -I -S: no site-packages, no folder of the user's.
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        "from fastapi_patterns.activation import hook; print(*sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-IS", "-c", code, str(ROOT / "src")],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    tops = {name.partition(".")[0] for name in loaded}
    assert tops - set(sys.stdlib_module_names) <= {"fastapi_patterns", "__main__"}
    assert not tops & {"asyncio", "dataclasses", "inspect", "pathlib", "tempfile"}
