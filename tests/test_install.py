"""install, uninstall and status: in folders that other people's files are in."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from fastapi_patterns import skill_folder
from fastapi_patterns.install import apply, clients, plan
from fastapi_patterns.install.clients import Scope
from fastapi_patterns.install.record import Kind
from tests.conftest import ROOT, Folder, Result

NAME = "fastapi-patterns"
RECORD = ".agents/fastapi-patterns.installed.json"
EVERY = [argument for name in clients.ALL for argument in ("-c", name)]

# Variables that make a client look elsewhere than in the home.
MOVING = {
    "CLAUDE_CONFIG_DIR": "claude",
    "CODEX_HOME": "codex",
    "GEMINI_CLI_HOME": "gemini",
    "COPILOT_HOME": "copilot",
    "XDG_CONFIG_HOME": "opencode",
}

# Dies, as by a power cut, before the given file.
KILLED = """
import os, sys
from pathlib import Path
from fastapi_patterns.install import apply, look, plan
from fastapi_patterns.install.clients import Scope

left = int(sys.argv[1])
replace = apply._replace

def killed(path, data):
    global left
    left -= 1
    if left < 0:
        look.staged(path).write_bytes(data[: len(data) // 2])
        os._exit(9)
    replace(path, data)

apply._replace = killed
link = {"link": True, "copy": False}.get(sys.argv[3])
made = plan.make(Path(sys.argv[2]), Scope.PROJECT, ["claude", "codex"], link=link)
apply.carry_out(made)
"""

# Other people's files, as projects have them: line ends, no last one, no text at all.
OTHERS = {
    "AGENTS.md": b"# Team\r\n\r\nBe kind.",
    "GEMINI.md": b"# Gemini\n\nBe brief.\n",
    "CLAUDE.md": b"See @AGENTS.md\n",
    ".claude/settings.json": b'{"permissions": {}}\n',
    ".claude/rules/style.md": b"---\npaths: src/**\n---\nUse tabs.\n",
    ".claude/skills/other/SKILL.md": b"---\nname: other\ndescription: x\n---\n",
    ".agents/skills/other/SKILL.md": b"---\nname: other\ndescription: x\n---\n",
    ".cursor/rules/mine.mdc": b"---\nglobs: *.py\n---\nmine\n",
    ".cursorrules": b"",
    ".github/copilot-instructions.md": b"Answer in verse.\n",
    ".github/instructions/tests.instructions.md": b'---\napplyTo: "tests"\n---\n',
    ".windsurf/rules/mine.md": b"mine\n",
    ".kiro/steering/product.md": b"A shop.\n",
    "opencode.json": b"{}\n",
    "src/app.py": b"print()\n",
}


@dataclass(frozen=True)
class Project:
    """A project, and the command line run in it."""

    folder: Folder

    def run(self, *arguments: str) -> Result:
        return self.folder.ours(*arguments)

    def ok(self, *arguments: str) -> str:
        result = self.run(*arguments)
        assert result.code == 0, result.text
        return result.out

    @property
    def path(self) -> Path:
        return self.folder.path

    def tree(self) -> dict[str, bytes | str | None]:
        """Everything in it: files' bytes, links' targets, empty folders too."""
        found: dict[str, bytes | str | None] = {}
        for path in sorted(self.path.rglob("*")):
            name = path.relative_to(self.path).as_posix()
            if path.is_symlink():
                found[name] = os.readlink(path)
            else:
                found[name] = path.read_bytes() if path.is_file() else None
        return found


def kill(project: Project, step: int, how: str = "") -> None:
    """Install for Claude and Codex, and die before so many files are written."""
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(step), str(project.path), how],
        cwd=ROOT,
        check=False,
    )
    assert killed.returncode == 9


def run_the_examples(project: Project) -> None:
    """Leave what Python leaves beside a module that it compiled."""
    skill = project.path / ".claude" / "skills" / NAME
    compiled = skill / "examples" / "backend" / "__pycache__"
    compiled.mkdir()
    (compiled / "main.cpython-311.pyc").write_bytes(b"x")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "home"
    made.mkdir()
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(made))
    for variable in MOVING:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    target = tmp_path / "build" / NAME
    monkeypatch.setattr(skill_folder, "to_link_to", lambda: target)
    return made


@pytest.fixture
def empty(tmp_path: Path, home: Path) -> Project:
    made = tmp_path / "project"
    made.mkdir()
    return Project(Folder(made))


@pytest.fixture
def lived_in(empty: Project) -> Project:
    for name, data in OTHERS.items():
        path = empty.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return empty


class TestInstall:
    """What it writes."""

    @pytest.mark.parametrize("name", clients.ALL)
    def test_the_bundle_is_where_the_client_reads_it(
        self, empty: Project, name: str
    ) -> None:
        empty.ok("install", "-c", name)
        place = clients.ALL[name].place(Scope.PROJECT)
        there = skill_folder.read(empty.path / place.skill)
        assert there == skill_folder.installed()
        assert (empty.path / place.rule).is_file()

    def test_it_finds_the_clients_that_a_project_uses(self, lived_in: Project) -> None:
        said = lived_in.ok("install")
        for client in clients.ALL.values():
            assert client.title in said

    def test_without_traces_it_takes_those_that_you_use(
        self, empty: Project, home: Path
    ) -> None:
        (home / ".kiro").mkdir()
        assert "installed for Kiro" in empty.ok("install")

    def test_without_any_trace_it_asks_for_a_name(self, empty: Project) -> None:
        result = empty.run("install")
        assert result.code == 1
        assert "name one with --client" in result.err
        assert result.err.count("error:") == 1
        assert empty.tree() == {}

    def test_what_it_wrote_is_no_trace_of_another_client(self, empty: Project) -> None:
        empty.ok("install", "-c", "opencode")
        before = empty.tree()
        assert "Codex" not in empty.ok("status")
        assert "installed for OpenCode in" in empty.ok("install")
        assert empty.tree() == before
        agents = empty.path / "AGENTS.md"
        agents.write_text("# Team\n" + agents.read_text())
        assert "installed for Codex, OpenCode in" in empty.ok("install")

    def test_what_it_wrote_for_a_user_is_no_trace(self, empty: Project) -> None:
        empty.ok("install", "--user", "-c", "gemini")
        assert "no client is found" in empty.run("install").err

    def test_an_unknown_client_is_refused_by_name(self, empty: Project) -> None:
        result = empty.run("install", "-c", "emacs")
        assert result.code == 2
        assert "'emacs'" in result.text
        assert "opencode" in result.text

    def test_other_peoples_files_are_as_they_were(self, lived_in: Project) -> None:
        lived_in.ok("install")
        after = lived_in.tree()
        for name, data in OTHERS.items():
            there = after[name]
            assert isinstance(there, bytes)
            if name in ("AGENTS.md", "GEMINI.md"):
                assert there.startswith(data)
                assert there.count(b"fastapi-patterns: begin") == 1
            else:
                assert there == data, name

    def test_a_block_keeps_the_files_line_ends(self, lived_in: Project) -> None:
        lived_in.ok("install", "-c", "codex", "-c", "gemini")
        agents = (lived_in.path / "AGENTS.md").read_bytes()
        assert agents.count(b"\n") == agents.count(b"\r\n")
        assert b"\r" not in (lived_in.path / "GEMINI.md").read_bytes()

    def test_a_second_time_nothing_changes(self, lived_in: Project) -> None:
        lived_in.ok("install")
        before = lived_in.tree()
        assert "everything is as it shall be" in lived_in.ok("install")
        assert lived_in.tree() == before

    def test_a_dry_run_says_it_and_writes_nothing(self, lived_in: Project) -> None:
        before = lived_in.tree()
        said = lived_in.ok("install", "--dry-run")
        assert "create: .claude/skills/fastapi-patterns/" in said
        assert "create: a marked block in AGENTS.md" in said
        assert lived_in.tree() == before

    def test_for_a_user_it_is_in_the_home(self, empty: Project, home: Path) -> None:
        empty.ok("install", "--user", *EVERY)
        assert empty.tree() == {}
        for client in clients.ALL.values():
            place = client.place(Scope.USER)
            assert (home / place.skill / "SKILL.md").is_file(), client.name
        empty.ok("uninstall", "--user")
        assert list(home.iterdir()) == []

    @pytest.mark.parametrize("variable", MOVING)
    def test_a_client_that_looks_elsewhere_is_told_of(
        self,
        empty: Project,
        home: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        variable: str,
    ) -> None:
        monkeypatch.setenv(variable, str(tmp_path / "elsewhere"))
        result = empty.run("install", "--user", "-c", MOVING[variable], "-c", "kiro")
        assert result.code == 1
        assert f"{variable} is set" in result.err
        assert "installed for Kiro in" in result.out
        assert [path.name for path in home.iterdir() if path.name != ".agents"] == [
            ".kiro"
        ]

    def test_a_client_that_reads_other_files_is_told_of(self, empty: Project) -> None:
        (empty.path / "AGENTS.override.md").write_text("Be brief.\n")
        (empty.path / ".gemini").mkdir()
        settings = empty.path / ".gemini" / "settings.json"
        settings.write_text('{"context": {"fileName": ["AGENTS.md"]}}')
        for said in (
            empty.ok("install", "-c", "codex", "-c", "gemini"),
            empty.ok("status"),
        ):
            assert "AGENTS.override.md is there: Codex reads it" in said
            assert "Gemini CLI reads AGENTS.md, and not" in said

    def test_a_projects_settings_go_before_the_users(
        self, empty: Project, home: Path
    ) -> None:
        for folder, name in ((home, "AGENTS.md"), (empty.path, "GEMINI.md")):
            (folder / ".gemini").mkdir()
            said = f'{{// what to read\n"context": {{"fileName": "{name}"}}}}'
            (folder / ".gemini" / "settings.json").write_text(said)
        assert "Gemini CLI reads" not in empty.ok("install", "-c", "gemini")
        (empty.path / ".gemini" / "settings.json").write_text('{"context": null}')
        assert "Gemini CLI reads AGENTS.md" in empty.ok("status")

    def test_whoever_stops_reading_does_not_stop_it(self, empty: Project) -> None:
        reading, writing = os.pipe()
        os.close(reading)
        subprocess.run(
            [sys.executable, "-m", "fastapi_patterns", "install", "-c", "claude"],
            cwd=empty.path,
            stdout=writing,
            check=False,
        )
        os.close(writing)
        assert "everything is as it shall be" in empty.ok("install", "-c", "claude")

    @pytest.mark.skipif(sys.platform != "linux", reason="names are Unicode there")
    def test_a_name_that_is_no_text(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = tmp_path / os.fsdecode(b"Gr\xf6\xdfe")
        for name in ("home", "project"):
            (folder / name).mkdir(parents=True)
        monkeypatch.setenv("HOME", str(folder / "home"))
        project = Project(Folder(folder / "project"))
        for how in ("--copy", "--link"):
            done = project.folder.process("install", "-c", "codex", how)
            assert done.code == 0, done.text
        assert project.folder.process("uninstall").code == 0
        assert project.tree() == {}

    def test_a_project_elsewhere(self, empty: Project, tmp_path: Path) -> None:
        other = tmp_path / "other"
        other.mkdir()
        empty.ok("install", "-c", "claude", "--project", str(other))
        assert empty.tree() == {}
        assert (other / ".claude" / "skills" / NAME / "SKILL.md").is_file()

    def test_a_project_that_is_not_there(self, empty: Project) -> None:
        result = empty.run("install", "-c", "claude", "--project", "gone")
        assert result.code == 1
        assert "gone is no folder" in result.err

    def test_a_project_and_a_user_are_one_too_many(self, empty: Project) -> None:
        result = empty.run("install", "--user", "--project", ".")
        assert result.code == 2

    def test_the_readmes_lines_do_what_they_say(
        self, empty: Project, tmp_path: Path
    ) -> None:
        readme = (ROOT / "README.md").read_text()
        lines = re.findall(r"uv run fastapi-patterns (install -c [^`]+)`", readme)
        assert len(lines) == len(clients.ALL)
        (tmp_path / "shop").mkdir()
        for line in lines:
            empty.ok(*shlex.split(line))
        assert len(list((tmp_path / "shop").glob(".*/skills/*/SKILL.md"))) == 4


class TestRules:
    """What tells a client of paths is made of the triggers."""

    def test_each_says_the_same_globs(self, empty: Project) -> None:
        empty.ok("install", *EVERY)
        skill = (ROOT / "SKILL.md").read_text().split("---")[1]
        globs = yaml.safe_load(skill)["metadata"]["trigger-paths"].split(", ")
        globs = [glob for glob in globs if not glob.startswith("!")]

        def head(path: str) -> dict[str, object]:
            text = (empty.path / path).read_text().split("---")[1]
            if path.endswith((".mdc", "windsurf/rules/fastapi-patterns.md")):
                text = re.sub(r"(?m)^globs: (.*)$", r'globs: "\1"', text)  # no YAML
            found: dict[str, object] = yaml.safe_load(text)
            return found

        assert head(".claude/rules/fastapi-patterns.md") == {"paths": globs}
        assert head(".github/instructions/fastapi-patterns.instructions.md") == {
            "applyTo": ",".join(globs)
        }
        cursor = head(".cursor/rules/fastapi-patterns.mdc")
        assert cursor["globs"] == ",".join(globs)
        assert cursor["alwaysApply"] is False
        assert head(".windsurf/rules/fastapi-patterns.md") == {
            "trigger": "glob",
            "globs": ",".join(globs),
        }
        assert head(".kiro/steering/fastapi-patterns.md") == {
            "inclusion": "fileMatch",
            "fileMatchPattern": globs,
        }
        for name in ("AGENTS.md", "GEMINI.md"):
            text = (empty.path / name).read_text()
            assert all(f"`{glob}`" in text for glob in globs)

    @pytest.mark.parametrize("name", clients.ALL)
    def test_the_path_that_a_rule_names_is_there(
        self, empty: Project, name: str
    ) -> None:
        empty.ok("install", "-c", name)
        rule = (empty.path / clients.ALL[name].project.rule).read_text()
        (path,) = set(re.findall(r"read `([^`]+)`", rule))
        assert (empty.path / path).is_file()


class TestUninstall:
    """Nothing is left, and nothing of anybody else's is gone."""

    def test_everything_is_as_it_was(self, lived_in: Project) -> None:
        before = lived_in.tree()
        lived_in.ok("install", *EVERY)
        assert lived_in.tree() != before
        assert "uninstalled from" in lived_in.ok("uninstall")
        assert lived_in.tree() == before

    def test_an_empty_project_is_empty_again(self, empty: Project) -> None:
        empty.ok("install", *EVERY)
        empty.ok("uninstall")
        assert empty.tree() == {}

    @pytest.mark.parametrize(
        "text", [b"", b"\n", b"x", b"x\n\n\n", b"\xef\xbb\xbfx\r\n"]
    )
    def test_a_file_with_a_block_is_the_same_byte_for_byte(
        self, empty: Project, text: bytes
    ) -> None:
        (empty.path / "AGENTS.md").write_bytes(text)
        empty.ok("install", "-c", "codex")
        empty.ok("uninstall")
        assert (empty.path / "AGENTS.md").read_bytes() == text

    def test_what_was_written_around_a_block_stays(self, empty: Project) -> None:
        path = empty.path / "AGENTS.md"
        path.write_text("before\n")
        empty.ok("install", "-c", "codex")
        path.write_text("first\n" + path.read_text() + "after\n")
        empty.ok("uninstall")
        assert path.read_text() == "first\nbefore\nafter\n"

    def test_one_client_of_two_that_share_a_folder(self, empty: Project) -> None:
        empty.ok("install", "-c", "codex", "-c", "copilot")
        empty.ok("uninstall", "-c", "codex")
        assert (empty.path / ".agents" / "skills" / NAME / "SKILL.md").is_file()
        assert not (empty.path / "AGENTS.md").exists()
        assert (empty.path / ".github" / "instructions").is_dir()
        empty.ok("uninstall", "-c", "copilot")
        assert empty.tree() == {}

    def test_nothing_to_uninstall(self, lived_in: Project) -> None:
        before = lived_in.tree()
        assert "nothing of it is installed" in lived_in.ok("uninstall")
        assert lived_in.tree() == before

    def test_what_running_the_examples_left_goes_too(self, empty: Project) -> None:
        empty.ok("install", "-c", "claude")
        run_the_examples(empty)
        empty.ok("uninstall")
        assert empty.tree() == {}

    def test_what_somebody_removed_is_no_hindrance(self, empty: Project) -> None:
        empty.ok("install", *EVERY)
        shutil.rmtree(empty.path / ".claude")
        (empty.path / "AGENTS.md").unlink()
        empty.ok("uninstall")
        assert empty.tree() == {}


class TestKept:
    """What is not ours, or not any more, is kept and reported."""

    def test_a_changed_file_is_kept(self, empty: Project) -> None:
        empty.ok("install", "-c", "claude")
        rule = empty.path / ".claude" / "rules" / "fastapi-patterns.md"
        rule.write_text("mine now\n")
        said = empty.ok("install")
        assert (
            "changed since it was installed: .claude/rules/fastapi-patterns.md" in said
        )
        said = empty.ok("uninstall")
        assert (
            "changed since it was installed: .claude/rules/fastapi-patterns.md" in said
        )
        assert rule.read_text() == "mine now\n"
        assert set(empty.tree()) == {
            ".claude",
            ".claude/rules",
            ".claude/rules/fastapi-patterns.md",
        }

    def test_a_changed_block_is_kept(self, empty: Project) -> None:
        empty.ok("install", "-c", "codex")
        path = empty.path / "AGENTS.md"
        mine = path.read_text().replace("## When", "## My own when")
        path.write_text(mine)
        assert "kept, changed" in empty.ok("install")
        assert path.read_text() == mine
        assert "kept, changed" in empty.ok("uninstall")
        assert path.read_text() == mine

    def test_a_file_added_to_the_skill_is_kept(self, empty: Project) -> None:
        empty.ok("install", "-c", "claude")
        note = empty.path / ".claude" / "skills" / NAME / "note.md"
        note.write_text("mine")
        empty.ok("uninstall")
        assert [n for n, d in empty.tree().items() if d is not None] == [
            f".claude/skills/{NAME}/note.md"
        ]

    def test_a_rule_of_somebody_elses_is_kept(self, empty: Project) -> None:
        path = empty.path / ".claude" / "rules" / "fastapi-patterns.md"
        path.parent.mkdir(parents=True)
        path.write_text("theirs")
        result = empty.run("install", "-c", "claude")
        assert result.code == 1
        assert "not written by this: .claude/rules/fastapi-patterns.md" in result.out
        assert "move away" in result.err
        empty.ok("uninstall")
        assert [n for n, d in empty.tree().items() if d is not None] == [
            ".claude/rules/fastapi-patterns.md"
        ]

    @pytest.mark.parametrize("mode", ["--copy", "--link"])
    def test_a_skill_of_somebody_elses_is_not_mixed_with(
        self, empty: Project, mode: str
    ) -> None:
        skill = empty.path / ".claude" / "skills" / NAME / "SKILL.md"
        skill.parent.mkdir(parents=True)
        skill.write_text("theirs")
        before = empty.tree()
        result = empty.run("install", "-c", "claude", mode)
        assert result.code == 1
        assert "move it away; nothing was written" in result.err
        assert empty.tree() == before

    def test_what_was_there_already_is_not_taken_away(self, empty: Project) -> None:
        skill = empty.path / ".claude" / "skills" / NAME
        skill_folder.write(skill_folder.installed(), skill)
        before = empty.tree()
        empty.ok("install", "-c", "claude")
        assert "still there, not written by this" in empty.ok("uninstall")
        assert empty.tree() == before

    def test_a_link_that_was_there_already_is_not_taken_away(
        self, empty: Project
    ) -> None:
        empty.ok("install", "-c", "claude", "--link")
        (empty.path / RECORD).unlink()
        rule = empty.path / ".claude" / "rules"
        shutil.rmtree(rule)
        empty.ok("install", "-c", "claude", "--link")
        empty.ok("uninstall")
        assert (empty.path / ".claude" / "skills" / NAME).is_symlink()
        assert not rule.exists()

    def test_without_its_record_it_takes_nothing_away(self, empty: Project) -> None:
        empty.ok("install", *EVERY)
        (empty.path / RECORD).unlink()
        before = empty.tree()
        assert "nothing of it is installed" in empty.ok("uninstall")
        assert "kept" not in empty.ok("install", *EVERY)
        empty.ok("uninstall")
        assert empty.tree() == before

    def test_how_to_get_the_new_one_is_said(self, empty: Project) -> None:
        empty.ok("install", "-c", "claude")
        rule = empty.path / ".claude" / "rules" / "fastapi-patterns.md"
        rule.write_text("mine now")
        assert "delete it and install again" in empty.ok("install")
        rule.unlink()
        assert "create: .claude/rules/fastapi-patterns.md" in empty.ok("install")

    def test_git_turning_line_ends_is_no_change(self, empty: Project) -> None:
        empty.ok("install", "-c", "claude")
        rule = empty.path / ".claude" / "rules" / "fastapi-patterns.md"
        rule.write_bytes(rule.read_bytes().replace(b"\n", b"\r\n"))
        assert "kept" not in empty.ok("install")
        empty.ok("uninstall")
        assert empty.tree() == {}

    def test_an_older_version_is_brought_up_to_date(self, empty: Project) -> None:
        empty.ok("install", "-c", "claude")
        skill = empty.path / ".claude" / "skills" / NAME / "SKILL.md"
        current = skill.read_bytes()
        record = json.loads((empty.path / RECORD).read_text())
        skill.write_bytes(b"older")
        entry = record["made"][f".claude/skills/{NAME}/SKILL.md"]
        entry[1] = plan.Item("", Kind.FILE, b"older").digest
        (empty.path / RECORD).write_text(json.dumps(record))
        assert "outdated" in empty.ok("status")
        assert "update: .claude/skills/fastapi-patterns/ (1 files)" in empty.ok(
            "install"
        )
        assert skill.read_bytes() == current


class TestLinks:
    """Links, instead of copies; and links in the way."""

    def test_a_link_leads_to_the_skill(self, empty: Project) -> None:
        empty.ok("install", "-c", "claude", "--link")
        link = empty.path / ".claude" / "skills" / NAME
        assert link.is_symlink()
        assert skill_folder.read(link) == skill_folder.installed()
        empty.ok("uninstall")
        assert empty.tree() == {}

    def test_a_copy_becomes_a_link_and_a_link_a_copy(self, empty: Project) -> None:
        empty.ok("install", "-c", "claude")
        empty.ok("install", "--link")
        link = empty.path / ".claude" / "skills" / NAME
        assert link.is_symlink()
        assert "everything is as it shall be" in empty.ok("install")
        empty.ok("install", "--copy")
        assert link.is_dir()
        assert not link.is_symlink()
        empty.ok("uninstall")
        assert empty.tree() == {}

    @pytest.mark.parametrize("part", [".claude", ".claude/skills", ".agents"])
    def test_a_target_behind_a_symlink_is_refused(
        self, empty: Project, tmp_path: Path, part: str
    ) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        (empty.path / part).parent.mkdir(exist_ok=True)
        (empty.path / part).symlink_to(outside)
        before = empty.tree()
        result = empty.run("install", "-c", "claude")
        assert result.code == 1
        assert "is a symlink" in result.err
        assert empty.tree() == before
        assert list(outside.iterdir()) == []

    def test_a_symlink_in_the_place_itself_is_kept(
        self, empty: Project, tmp_path: Path
    ) -> None:
        (tmp_path / "elsewhere.md").write_text("theirs")
        rules = empty.path / ".claude" / "rules"
        rules.mkdir(parents=True)
        (rules / "fastapi-patterns.md").symlink_to(tmp_path / "elsewhere.md")
        assert empty.run("install", "-c", "claude").code == 1
        assert (tmp_path / "elsewhere.md").read_text() == "theirs"
        empty.ok("uninstall")
        assert (rules / "fastapi-patterns.md").is_symlink()

    def test_uninstall_touches_nothing_behind_a_symlink(
        self, empty: Project, tmp_path: Path
    ) -> None:
        before = empty.tree()
        empty.ok("install", "-c", "claude", "-c", "kiro")
        outside = tmp_path / "outside"
        (empty.path / ".claude").rename(outside)
        (empty.path / ".claude").symlink_to(outside)
        moved = Folder(outside).snapshot()
        result = empty.run("uninstall")
        assert result.code == 1
        assert result.err.count(".claude is a symlink") == 1
        assert "nothing was removed for Claude Code" in result.err
        assert "kept" not in result.out
        assert Folder(outside).snapshot() == moved
        assert not (empty.path / ".kiro").exists()

        (empty.path / ".claude").unlink()
        outside.rename(empty.path / ".claude")
        empty.ok("uninstall")
        assert empty.tree() == before

    def test_a_client_behind_a_symlink_does_not_hinder_the_others(
        self, empty: Project, home: Path, tmp_path: Path
    ) -> None:
        outside = tmp_path / "dotfiles"
        outside.mkdir()
        (home / ".claude").symlink_to(outside)
        (home / ".gemini").mkdir()
        result = empty.run("install", "--user")
        assert result.code == 1
        assert "installed for Gemini CLI in" in result.out
        assert ".claude is a symlink" in result.err
        assert "make it a folder" in result.err
        assert "nothing was written for Claude Code" in result.err
        assert list(outside.iterdir()) == []
        assert "cannot be told" not in empty.ok("status", "--user")

        (home / ".claude").unlink()  # as the message says
        (home / ".claude").mkdir()
        empty.ok("install", "--user")
        assert (home / ".claude" / "skills" / NAME / "SKILL.md").is_file()

    def test_a_file_in_the_way_is_named(self, empty: Project) -> None:
        empty.ok("install", "-c", "claude")
        shutil.rmtree(empty.path / ".claude")
        (empty.path / ".claude").write_text("mine")
        before = empty.tree()
        for command in ("install", "uninstall"):
            result = empty.run(command)
            assert result.code == 1, command
            assert ".claude is a file: move it away" in result.err
            assert ".new" not in result.err
        assert empty.tree() == before

    @pytest.mark.parametrize("kind", ["link", "copy"])
    def test_a_link_that_became_a_copy_leaves_no_folders(
        self, empty: Project, kind: str
    ) -> None:
        empty.ok("install", "-c", "claude", "--link")
        empty.ok("install", "--copy")
        if kind == "link":
            empty.ok("install", "--link")
            assert (empty.path / ".claude" / "skills" / NAME).is_symlink()
        empty.ok("uninstall")
        assert empty.tree() == {}

    @pytest.mark.parametrize("inside", ["", "notes", "examples/backend/__pycache__/x"])
    def test_what_is_in_the_way_of_a_link_is_named(
        self, empty: Project, inside: str
    ) -> None:
        folder = empty.path / ".claude" / "skills" / NAME / inside
        if inside:
            empty.ok("install", "-c", "claude")
        folder.mkdir(parents=True)
        before = empty.tree()
        result = empty.run("install", "-c", "claude", "--link")
        assert result.code == 1
        assert f"{folder} was not written by this" in result.err
        assert empty.tree() == before

    def test_a_link_is_known_by_what_windows_says_it_leads_to(
        self, empty: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        empty.ok("install", "-c", "claude", "--link")
        readlink = os.readlink
        monkeypatch.setattr(os, "readlink", lambda path: "\\\\?\\" + readlink(path))
        assert "everything is as it shall be" in empty.ok("install")
        empty.ok("uninstall")
        assert empty.tree() == {}

    @pytest.mark.parametrize(
        "path",
        [
            "../outside.md",
            "/etc/passwd",
            "C:\\x",
            "a/../../b",
            "README.md",
            f".claude/skills/{NAME}/../other/SKILL.md",
        ],
    )
    def test_a_record_that_leads_outside_is_refused(
        self, empty: Project, tmp_path: Path, path: str
    ) -> None:
        (tmp_path / "outside.md").write_text("theirs")
        empty.ok("install", "-c", "claude")
        record = json.loads((empty.path / RECORD).read_text())
        record["made"][path] = ["file", plan.Item("", Kind.FILE, b"theirs").digest]
        (empty.path / RECORD).write_text(json.dumps(record))
        result = empty.run("uninstall")
        assert result.code == 1
        assert "is nowhere that a client looks" in result.err
        assert (tmp_path / "outside.md").read_text() == "theirs"

    @pytest.mark.parametrize("text", ["", "{}", "[]", '{"made": 7}', "\0"])
    def test_a_broken_record_is_reported(self, empty: Project, text: str) -> None:
        empty.ok("install", "-c", "claude")
        (empty.path / RECORD).write_text(text)
        before = empty.tree()
        for command in ("install", "uninstall", "status"):
            result = empty.run(command)
            assert result.code == 1, command
            assert "it is no record" in result.err
        assert empty.tree() == before

    def test_a_link_that_leads_elsewhere_by_now_is_left(
        self, empty: Project, tmp_path: Path
    ) -> None:
        empty.ok("install", "-c", "claude", "--link")
        mine = tmp_path / "mine"
        mine.mkdir()
        (mine / "SKILL.md").write_text("mine")
        link = empty.path / ".claude" / "skills" / NAME
        link.unlink()
        link.symlink_to(mine)
        assert empty.run("install", "--copy").code == 1
        empty.ok("uninstall")
        assert Folder(mine).snapshot() == {"SKILL.md": b"mine"}
        assert link.is_symlink()

    def test_what_is_compiled_behind_a_symlink_is_left(
        self, empty: Project, tmp_path: Path
    ) -> None:
        empty.ok("install", "-c", "claude")
        cache = tmp_path / "out" / "backend" / "__pycache__"
        cache.mkdir(parents=True)
        (cache / "main.cpython-311.pyc").write_bytes(b"precious")
        examples = empty.path / ".claude" / "skills" / NAME / "examples"
        shutil.rmtree(examples / "backend")
        (examples / "backend").symlink_to(cache.parent)
        assert f"{examples / 'backend'} is a symlink" in empty.run("uninstall").err
        assert (cache / "main.cpython-311.pyc").read_bytes() == b"precious"

    def test_a_link_that_cannot_be_made_leaves_the_copy(self, empty: Project) -> None:
        empty.ok("install", "-c", "claude")
        note = empty.path / ".claude" / "skills" / NAME / "note.md"
        note.write_text("mine")
        before = empty.tree()
        assert empty.run("install", "--link").code == 1
        assert empty.tree() == before

    def test_a_copy_whose_examples_ran_becomes_a_link(self, empty: Project) -> None:
        empty.ok("install", "-c", "claude")
        run_the_examples(empty)
        empty.ok("install", "--link")
        assert (empty.path / ".claude" / "skills" / NAME).is_symlink()

    @pytest.mark.parametrize("name", ["AGENTS.md", RECORD])
    def test_a_pipe_is_not_waited_for(self, empty: Project, name: str) -> None:
        path = empty.path / name
        path.parent.mkdir(exist_ok=True)
        os.mkfifo(path)
        assert empty.run("install", "-c", "codex").code == 1

    def test_the_home_is_no_project(self, empty: Project, home: Path) -> None:
        result = empty.run("install", "-c", "claude", "--project", str(home))
        assert result.code == 1
        assert "use --user" in result.err


class TestBlocks:
    """What is around a block in somebody else's file."""

    @pytest.mark.parametrize(
        ("before", "edit", "after"),
        [
            (b"one", lambda t: t + b"two\n", b"one\ntwo\n"),
            (b"one\n", lambda t: t + b"two\n", b"one\ntwo\n"),
            (b"one\n", lambda t: t.replace(b"\n\n<!--", b"\n<!--", 1), b"one\n"),
            (b"one\n", lambda t: t.replace(b"\n", b"\r\n"), b"one\r\n"),
            (b"one\n", lambda t: t + t[4:], b"one\n"),
        ],
        ids=["no end", "end", "no blank line", "CRLF", "twice"],
    )
    def test_it_stays_as_it_was(
        self,
        empty: Project,
        before: bytes,
        edit: Callable[[bytes], bytes],
        after: bytes,
    ) -> None:
        path = empty.path / "AGENTS.md"
        path.write_bytes(before)
        empty.ok("install", "-c", "codex")
        path.write_bytes(edit(path.read_bytes()))
        empty.ok("uninstall")
        assert path.read_bytes() == after

    @pytest.mark.parametrize("marker", ["begin", "end"])
    def test_one_that_lost_a_marker_is_kept(self, empty: Project, marker: str) -> None:
        empty.ok("install", "-c", "codex")
        path = empty.path / "AGENTS.md"
        torn = path.read_text().replace(f"<!-- {NAME}: {marker} -->\n", "")
        path.write_text(torn)
        assert "kept: AGENTS.md: a marker" in empty.ok("install")
        assert path.read_text() == torn
        assert "kept: AGENTS.md: a marker" in empty.ok("uninstall")
        assert path.read_text() == torn
        assert "kept: AGENTS.md: a marker" in empty.run("install", "-c", "codex").out
        assert path.read_text() == torn

    def test_one_that_cannot_be_written_leaves_the_skill(self, empty: Project) -> None:
        agents = empty.path / "AGENTS.md"
        (empty.path / "CLAUDE.md").write_text("# Team\n")
        cases: list[tuple[str, Callable[[], object]]] = [
            ("it is a symlink to CLAUDE.md", lambda: agents.symlink_to("CLAUDE.md")),
            ("it is a folder", agents.mkdir),
            (
                "it is no UTF-8 text",
                lambda: agents.write_bytes("Größe".encode("cp1252")),
            ),
        ]
        for why, put in cases:
            put()
            before = empty.tree()
            result = empty.run("install", "-c", "codex")
            assert result.code == 1
            assert f"kept: AGENTS.md: {why}" in result.out
            assert "mend" in result.err
            assert (empty.path / ".agents" / "skills" / NAME / "SKILL.md").is_file()
            empty.ok("uninstall")
            assert empty.tree() == before
            agents.rmdir() if agents.is_dir() else agents.unlink()

    def test_a_file_of_white_space_goes_if_it_was_not_there(
        self, empty: Project
    ) -> None:
        empty.ok("install", "-c", "codex")
        path = empty.path / "AGENTS.md"
        path.write_bytes(b"\n" + path.read_bytes() + b"\n \n")
        empty.ok("uninstall")
        assert empty.tree() == {}

    def test_a_file_written_anew_gets_the_block_anew(self, empty: Project) -> None:
        empty.ok("install", "-c", "codex")
        path = empty.path / "AGENTS.md"
        path.write_bytes(b"hello")
        empty.ok("install")
        assert path.read_bytes().startswith(b"hello\n\n<!-- fastapi-patterns: begin")
        empty.ok("uninstall")
        assert path.read_bytes() == b"hello"


class TestAllOrNothing:
    """What cannot be written whole is not written at all."""

    @pytest.fixture
    def failing(self, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """Let the disk be full after so many files."""
        left = [0]
        write = Path.write_bytes

        def limited(path: Path, data: bytes) -> int:
            if path.name.endswith(".new"):
                left[0] -= 1
                if left[0] < 0:
                    raise OSError(28, "No space left on device", str(path))
            return write(path, data)

        monkeypatch.setattr(Path, "write_bytes", limited)
        return left

    @pytest.mark.parametrize("files", [0, 1, 2, 50, 94, 96])
    def test_a_disk_that_is_full_leaves_it_as_it_was(
        self, lived_in: Project, failing: list[int], files: int
    ) -> None:
        before = lived_in.tree()
        failing[0] = files
        result = lived_in.run("install", "-c", "claude", "-c", "codex")
        assert result.code == 1
        assert "No space left on device; everything is as it was" in result.err
        assert lived_in.tree() == before

    def test_an_interruption_leaves_it_as_it_was(
        self, lived_in: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before, write, count = lived_in.tree(), apply._write, [0]

        def interrupted(*arguments: Any) -> None:
            count[0] += 1
            if count[0] > 50:
                raise KeyboardInterrupt
            write(*arguments)

        monkeypatch.setattr(apply, "_write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            apply.carry_out(plan.make(lived_in.path, Scope.PROJECT, ["claude"]))
        assert lived_in.tree() == before

    @pytest.mark.parametrize("step", [0, 1, 3, 60, 96])
    def test_what_a_kill_leaves_half_way_is_mended_or_removed(
        self, lived_in: Project, step: int
    ) -> None:
        before = lived_in.tree()
        kill(lived_in, step)
        half_way = Project(Folder(lived_in.path.parent / "copy"))
        shutil.copytree(lived_in.path, half_way.path, symlinks=True)
        assert half_way.tree() != before

        lived_in.ok("uninstall")
        assert lived_in.tree() == before

        half_way.ok("install")
        half_way.ok("uninstall")
        assert half_way.tree() == before

    def test_a_kill_before_anything_is_recorded_leaves_nothing(
        self, empty: Project
    ) -> None:
        for command in (["uninstall"], ["install", "-c", "codex"]):
            kill(empty, 0)
            assert empty.tree() != {}
            empty.ok(*command)
            empty.ok("uninstall")
            assert empty.tree() == {}

    @pytest.mark.parametrize(
        ("first", "then", "step"),
        [("copy", "link", 1), ("link", "copy", 9), ("", "copy", 9)],
    )
    def test_a_kill_between_copy_and_link_is_mended(
        self, lived_in: Project, first: str, then: str, step: int
    ) -> None:
        before = lived_in.tree()
        clients = ("-c", "claude", "-c", "codex")
        for command in ("install", "uninstall"):
            if first:
                lived_in.ok("install", *clients, f"--{first}")
            kill(lived_in, step, then)
            arguments = ["--link"] if (command, first) == ("install", "") else []
            assert "kept" not in lived_in.ok(command, *arguments)
            skill = lived_in.path / ".claude" / "skills" / NAME
            if command == "install":
                assert skill_folder.read(skill) == skill_folder.installed()
                lived_in.ok("uninstall")
            assert lived_in.tree() == before

    def test_two_at_once_do_not_lose_each_other(self, lived_in: Project) -> None:
        before = lived_in.tree()
        with ThreadPoolExecutor(2) as pool:
            for _ in range(3):
                running = [
                    pool.submit(lived_in.folder.process, "install", "-c", name)
                    for name in ("claude", "codex")
                ]
                assert [r.result().code for r in running] == [0, 0]
                lived_in.ok("uninstall")
                assert lived_in.tree() == before

    @pytest.mark.skipif(sys.platform == "win32", reason="there are no user ids")
    def test_another_user_with_the_same_home_has_a_lock_of_its_own(
        self, empty: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for user in (1, 2):
            monkeypatch.setattr(os, "getuid", lambda user=user: user)
            empty.ok("install", "-c", "claude")
        assert len([*tmp_path.glob("*.lock")]) == 2

    def test_a_mode_is_kept(self, lived_in: Project) -> None:
        path = lived_in.path / "AGENTS.md"
        path.chmod(0o640)
        lived_in.ok("install", "-c", "codex")
        assert path.stat().st_mode & 0o777 == 0o640
        lived_in.ok("uninstall")
        assert path.stat().st_mode & 0o777 == 0o640

    def test_a_file_that_is_read_only_is_not_written(self, lived_in: Project) -> None:
        path = lived_in.path / "AGENTS.md"
        path.chmod(0o444)
        before = lived_in.tree()
        result = lived_in.run("install", "-c", "codex")
        assert result.code == 1
        assert "it is read-only; everything is as it was" in result.err
        assert lived_in.tree() == before

        path.chmod(0o644)
        lived_in.ok("install", "-c", "codex")
        path.chmod(0o444)
        before = lived_in.tree()
        result = lived_in.run("uninstall")
        assert result.code == 1
        assert "it is read-only; everything is as it was" in result.err
        assert lived_in.tree() == before

    def test_a_client_that_is_not_installed_leaves_the_others_alone(
        self, empty: Project
    ) -> None:
        empty.ok("install", "-c", "claude")
        (empty.path / ".claude" / "skills" / NAME / "SKILL.md").unlink()
        before = empty.tree()
        said = empty.ok("uninstall", "-c", "kiro")
        assert f"it is not installed for Kiro in {empty.path}" in said
        assert empty.tree() == before

    def test_uninstalling_one_client_writes_nothing_for_another(
        self, empty: Project
    ) -> None:
        empty.ok("install", "-c", "claude", "-c", "kiro")
        skill = empty.path / ".claude" / "skills" / NAME
        (skill / "SKILL.md").unlink()
        (skill / "reference.md").write_text("changed")
        before = Folder(empty.path / ".claude").snapshot()
        empty.ok("uninstall", "-c", "kiro")
        assert Folder(empty.path / ".claude").snapshot() == before
        assert not (empty.path / ".kiro").exists()


class TestStatus:
    """Who has it."""

    def test_it_says_who_has_it_and_who_could(self, lived_in: Project) -> None:
        lived_in.ok("install", "-c", "claude")
        said = lived_in.ok("status")
        assert re.search(r"Claude Code\s*│ up to date\s*│ up to date", said)
        assert re.search(r"Codex\s*│ not installed: --client codex", said)

    def test_it_tells_of_a_link_to_what_is_outdated_or_gone(
        self, empty: Project, tmp_path: Path
    ) -> None:
        target = tmp_path / "build" / NAME
        empty.ok("install", "-c", "claude", "--link")
        assert re.search(r"Claude Code\s*│ up to date", empty.ok("status"))
        (target / "SKILL.md").write_text("---\nname: fastapi-patterns\n---\nold\n")
        for _ in range(2):
            assert re.search(r"Claude Code\s*│ outdated", empty.ok("status"))
            assert f"update: {target}" in empty.ok("install", "--dry-run")
            shutil.rmtree(target, ignore_errors=True)
        empty.ok("install")
        assert re.search(r"Claude Code\s*│ up to date", empty.ok("status"))

    def test_it_says_that_there_is_nothing(self, empty: Project) -> None:
        assert "nothing of it is installed" in empty.ok("status")

    def test_it_says_what_is_missing_or_changed(self, empty: Project) -> None:
        empty.ok("install", "-c", "claude", "-c", "kiro")
        (empty.path / ".claude" / "skills" / NAME / "reference.md").unlink()
        (empty.path / ".claude" / "rules" / "fastapi-patterns.md").write_text("x")
        said = empty.ok("status")
        assert re.search(r"Claude Code\s*│ missing\s*│ changed", said)
        assert re.search(r"Kiro\s*│ up to date\s*│ up to date", said)
