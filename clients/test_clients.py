"""The real clients find the skill, are told of it, and lose it again."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from clients import model_endpoint
from clients.conftest import ROOT, Place
from clients.installed import VERSIONS, Commands, NotInstallableError

NAME = "fastapi-patterns"
SCOPES = ("project", "user")
SAID = re.compile(rf"The skill {NAME} fits this \((.+?)\): load it before you go on")


def install(place: Place, client: str, scope: str) -> None:
    where = ("--user",) if scope == "user" else ("--project", str(place.project))
    place.ours("install", "--client", client, *where)


def uninstall(place: Place, scope: str) -> None:
    where = ("--user",) if scope == "user" else ("--project", str(place.project))
    place.ours("uninstall", *where)


def listed_by_claude(place: Place, *arguments: str) -> list[str]:
    with model_endpoint.serve() as model:
        first = place.claude(model, *arguments).splitlines()[0]
    skills: list[str] = json.loads(first)["skills"]
    return [name for name in skills if NAME in name]


def listed_by_codex(place: Place) -> list[str]:
    asked = place.run("codex", "debug", "prompt-input", "hi")
    return re.findall(rf"- (?:{NAME}:)?({NAME}): Production FastAPI", asked)


def listed_by_gemini(place: Place) -> list[str]:
    done = place.output("gemini", "skills", "list")
    return re.findall(
        rf"^({NAME}) \[Enabled\]", done.stdout + done.stderr, re.MULTILINE
    )


def listed_by_copilot(place: Place) -> list[str]:
    found = json.loads(place.run("copilot", "skill", "list", "--json"))
    skills = found["skills"] if isinstance(found, dict) else found
    return [s["name"] for s in skills if s["name"] == NAME and s["enabled"]]


def listed_by_opencode(place: Place) -> list[str]:
    found = json.loads(place.run("opencode", "debug", "skill"))
    return [skill["name"] for skill in found if skill["name"] == NAME]


LISTED = {
    "claude": listed_by_claude,
    "codex": listed_by_codex,
    "gemini": listed_by_gemini,
    "copilot": listed_by_copilot,
    "opencode": listed_by_opencode,
}


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("client", LISTED)
def test_a_client_lists_the_skill_while_it_is_installed(
    place: Place, client: str, scope: str
) -> None:
    assert LISTED[client](place) == []
    install(place, client, scope)
    assert LISTED[client](place) == [NAME]
    uninstall(place, scope)
    assert LISTED[client](place) == []


def test_a_client_lists_the_skill_once_where_several_have_it(place: Place) -> None:
    for client in LISTED:
        install(place, client, "project")
    for client, listed in LISTED.items():
        assert listed(place) == [NAME], client


def test_linked_it_is_listed_too(place: Place) -> None:
    project = str(place.project)
    place.ours("install", "-c", "claude", "-c", "codex", "--link", "--project", project)
    assert listed_by_claude(place) == [NAME]
    assert listed_by_codex(place) == [NAME]


class TestRules:
    """What gives activation by path reaches the client."""

    def test_claude_is_told_when_a_matching_file_is_read(self, place: Place) -> None:
        install(place, "claude", "project")
        read = {"name": "Read", "input": {"file_path": str(place.routes)}}
        with model_endpoint.serve(read) as model:
            place.claude(model)
        before, after = model.asked[0], model.asked[-1]
        told = f"read `.claude/skills/{NAME}/SKILL.md`"
        assert told not in before
        assert told in after

    def test_claude_is_not_told_of_another_file(self, place: Place) -> None:
        install(place, "claude", "project")
        other = place.project / "notes.py"
        other.write_text("x = 1\n")
        read = {"name": "Read", "input": {"file_path": str(other)}}
        with model_endpoint.serve(read) as model:
            place.claude(model)
        assert len(model.asked) == 2
        assert f"read `.claude/skills/{NAME}/SKILL.md`" not in model.asked[-1]

    def test_copilot_parses_the_instructions(self, place: Place) -> None:
        install(place, "copilot", "project")
        listed = json.loads(place.run("copilot", "instruction", "list", "--json"))
        found = listed["instructions"] if isinstance(listed, dict) else listed
        ours = next(i for i in found if NAME in json.dumps(i))
        assert "**/backend/api/**/*.py" in json.dumps(ours["applyTo"])

    def test_codex_reads_the_block(self, place: Place) -> None:
        (place.project / "AGENTS.md").write_text("# Team\n\nBe kind.\n")
        install(place, "codex", "project")
        asked = place.run("codex", "debug", "prompt-input", "hi")
        assert "Be kind." in asked
        assert f"When to use the skill {NAME}" in asked


class TestPlugin:
    """The repository is a plugin and a marketplace of Claude Code."""

    def test_it_is_valid(self, place: Place, repository: Path) -> None:
        said = place.run("claude", "plugin", "validate", "--strict", str(repository))
        assert "Validation passed" in said
        assert "warning" not in said.lower()

    def test_it_is_installed_listed_and_removed(
        self, place: Place, repository: Path
    ) -> None:
        place.run("claude", "plugin", "marketplace", "add", str(repository))
        place.run("claude", "plugin", "install", f"{NAME}@{NAME}")
        assert listed_by_claude(place) == [f"{NAME}:{NAME}"]
        place.run("claude", "plugin", "uninstall", f"{NAME}@{NAME}")
        place.run("claude", "plugin", "marketplace", "remove", NAME)
        assert listed_by_claude(place) == []

    def test_a_prompt_tells_the_model_of_the_skill(
        self, place: Place, repository: Path
    ) -> None:
        with model_endpoint.serve() as model:
            place.claude(
                model,
                *("--plugin-dir", str(repository)),
                prompt="Add refresh token rotation to our FastAPI login",
            )
        assert SAID.search(model.asked[0])
        assert "Passwords and refresh tokens" in model.asked[0]

    def test_another_prompt_does_not(self, place: Place, repository: Path) -> None:
        with model_endpoint.serve() as model:
            place.claude(
                model,
                *("--plugin-dir", str(repository)),
                prompt="Why does my useEffect run twice in React?",
            )
        assert model.asked
        assert not SAID.search(model.asked[0])

    def test_a_file_that_is_read_does(self, place: Place, repository: Path) -> None:
        read = {"name": "Read", "input": {"file_path": str(place.routes)}}
        with model_endpoint.serve(read, read) as model:
            place.claude(model, "--plugin-dir", str(repository))
        assert not SAID.search(model.asked[0])
        assert "(import: fastapi)" in model.asked[1]
        assert len(SAID.findall(model.asked[-1])) == 1, "it is said once"

    def test_a_file_that_is_written_does(self, place: Place, repository: Path) -> None:
        new = place.project / "shop" / "orders.py"
        text = "from fastapi import APIRouter, WebSocket\n"
        write = {"name": "Write", "input": {"file_path": str(new), "content": text}}
        with model_endpoint.serve(write) as model:
            place.claude(
                model,
                *("--plugin-dir", str(repository)),
                *("--permission-mode", "acceptEdits"),
            )
        assert new.read_text() == text
        assert "PreToolUse:Write hook additional context" in model.asked[-1]
        assert SAID.search(model.asked[-1])

    def test_the_section_that_is_named_can_be_read(
        self, place: Place, repository: Path
    ) -> None:
        # Nobody is there to ask, and the plugin is no folder of the project.
        lines = (repository / "reference.md").read_text().split("\n")
        line = lines.index("## Rate limiting") + 1
        reference = str(repository / "reference.md")
        section = {"file_path": reference, "offset": line, "limit": 3}
        other = {"file_path": str(repository / "pyproject.toml")}
        turns = [{"name": "Read", "input": given} for given in (section, other)]
        with model_endpoint.serve(*turns) as model:
            place.claude(model, "--plugin-dir", str(repository))
        assert "## Rate limiting" in model.asked[1]
        assert "[build-system]" not in model.asked[2]

    def test_the_cases_of_the_evaluation_run(
        self, place: Place, repository: Path, tmp_path: Path
    ) -> None:
        # With a scripted model this shows that the cases load and their graders bite.
        use = {"name": "Skill", "input": {"skill": f"{NAME}:{NAME}"}}
        cases = sorted((repository / "evals" / "cases").glob("held-out-*/case.yaml"))
        ours = next(c for c in cases if "min: 0" not in c.read_text()).parent.name
        other = next(c for c in cases if "min: 0" in c.read_text()).parent.name
        passed = {}
        for turns in ([use], []):
            for case in (ours, other):
                with model_endpoint.serve(*turns) as model:
                    done = place.output(
                        *("claude", "plugin", "eval", str(repository)),
                        *("--trust-plugin", "--no-publish", "--ablation", "none"),
                        *("--runs", "1", "--case", case),
                        *("--output-dir", str(tmp_path / "results")),
                        ANTHROPIC_BASE_URL=model.url,
                        ANTHROPIC_API_KEY="none",
                    )
                passed[bool(turns), case] = done.returncode == 0
        assert passed == {
            (True, ours): True,
            (True, other): False,
            (False, ours): False,
            (False, other): True,
        }


class TestInstallers:
    """Others' installers take what is built here."""

    @pytest.mark.parametrize("client", ["claude-code", "codex"])
    def test_skills_add(self, place: Place, bundle: Path, client: str) -> None:
        place.run("skills", "add", str(bundle), "-y", "-a", client)
        folder = ".claude" if client == "claude-code" else ".agents"
        made = place.project / folder / "skills" / NAME
        assert tree(made) == tree(bundle)

    def test_library_skills(self, place: Place, tmp_path: Path) -> None:
        wheels = tmp_path / "wheels"
        uv("build", "--wheel", "-o", str(wheels), str(ROOT))
        (wheel,) = wheels.glob("*.whl")
        environment = place.project / ".venv"
        uv("venv", str(environment))
        python = str(environment / "bin" / "python")
        uv("pip", "install", "-p", python, "--no-deps", str(wheel))
        (place.project / "pyproject.toml").write_text(
            f'[project]\nname = "shop"\nversion = "1"\ndependencies = ["{NAME}"]\n'
        )
        place.run("library-skills", "--all", "--claude", "--yes", NO_COLOR="1")
        assert (place.project / ".claude" / "skills" / NAME / "SKILL.md").is_file()


def uv(*arguments: str) -> None:
    command = [sys.executable, "-m", "uv", *arguments]
    subprocess.run(command, check=True, capture_output=True)


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


class TestValidators:
    """The bundle is clean to those who check skills."""

    def test_agentskills(self, place: Place, bundle: Path) -> None:
        assert "Valid skill" in place.run("agentskills", "validate", str(bundle))

    def test_agnix(self, place: Place, bundle: Path) -> None:
        said = place.run("agnix", "--strict", str(bundle))
        assert "0 errors, 0 warnings" in said or "No issues found" in said

    def test_skill_check(self, place: Place, bundle: Path) -> None:
        said = place.run("skill-check", "check", str(bundle), "--no-security-scan")
        assert "No diagnostics found" in said

    def test_skill_scanner(self, place: Place, bundle: Path) -> None:
        said = place.run("skill-scanner", "scan", str(bundle), "--format", "json")
        found = json.loads(said[said.index("{") :])["findings"]
        assert not [(f["severity"], f["rule_id"], f["file_path"]) for f in found]


def test_at_most_one_client_is_missing(commands: Commands) -> None:
    for name in (*VERSIONS["npm"], *VERSIONS["pypi"]):
        try:
            commands.path(name)
        except NotInstallableError as error:
            print(error)
    assert len(commands.missing) <= 1, commands.missing
