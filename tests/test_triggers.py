"""When the skill applies: through the command line, and on the labelled cases."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fastapi_patterns import bundle, frontmatter
from fastapi_patterns.activation import (
    evaluation,
    files,
    matching,
    prompts,
    triggers,
)
from fastapi_patterns.activation.files import File
from tests.conftest import ROOT, Folder, Result


@pytest.fixture(scope="module")
def known() -> triggers.Triggers:
    return triggers.read(
        (ROOT / "SKILL.md").read_text(), (ROOT / "reference.md").read_text()
    )


def match(*arguments: str, folder: Path = ROOT) -> Result:
    return Folder(folder).ours("match", *arguments)


def as_json(*arguments: str, folder: Path = ROOT) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(match(*arguments, "--json", folder=folder).out)
    return found


class TestPrompts:
    """What a prompt says."""

    @pytest.mark.parametrize(
        "prompt",
        [
            "Add an endpoint to our FastAPI app",
            "add a fast api route",
            "use APIRouter here",
            "`Depends` or a global for the session?",
            "Depends(get_db) runs twice",
            "Create a REST endpoint for refunds",
            "port this Flask app to FastAPI",
            "MissingGreenlet: greenlet_spawn has not been called",
            "QueuePool limit of size 5 overflow 10 reached",
            'Form data requires "python-multipart" to be installed',
            "FastAPIでルーターを分割して",
            "fix @backend/api/v1/agents.py",
            "why do I get MissingGreenlet?",
            "IntegrityError on insert",
            "sqlite3.OperationalError: database is locked",
            "Return an Excel file from FastAPI",
            "run the load test against our FastAPI app",
            "serve the built React app from FastAPI",
            "add an endpoint",
            "write a service layer for orders",
            "PATCH sets what was not sent to null, in our API",
            "log\n" * 3_000 + "why does our FastAPI rate limit answer 429 too early?",
        ],
    )
    def test_the_skill_applies(self, prompt: str) -> None:
        result = match(prompt)
        assert result.code == 0, result.text
        assert result.out.startswith("applies")

    @pytest.mark.parametrize(
        "prompt",
        [
            "make the form of our platform prettier",
            "Depends on what the router is for",
            "it depends on the endpoint protection software",
            "what does async def mean in Python?",
            "add a Flask endpoint with JWT, CORS and pagination",
            "useEffect calls my API twice",
            "my DRF router returns 404",
            "we decided against FastAPI: write the gateway in Go",
            "rewrite our FastAPI service in NestJS",
            "the FastAPI backend is fine, fix the CSS of the login page",
            "transform the performance platform's reform",
            "patched the API",
            "ASYNC-DEFS of the session",
            "migrate the orders from FastAPI to Hono",
            "a C# minimal API endpoint with JWT",
        ],
    )
    def test_the_skill_does_not_apply(self, prompt: str) -> None:
        result = match(prompt)
        assert result.code == 1, result.text
        assert result.out.startswith("does not apply")

    def test_words_are_found_whole(self) -> None:
        found = as_json("APIRouters, MyAPIRouter, subroute, rerouting, platform")
        assert found["triggers"] == []

    def test_it_says_by_which_trigger(self) -> None:
        found = as_json("use APIRouter for the billing endpoints")
        assert found["applies"] is True
        assert {t["trigger"]: t["found"] for t in found["triggers"]} == {
            "APIRouter": "APIRouter",
            "endpoint": "endpoints",
        }
        assert found["score"] == sum(t["weight"] for t in found["triggers"])

    @pytest.mark.parametrize(
        ("prompt", "skill"),
        [
            ("why does useEffect run twice", "react-enterprise"),
            ("a LangGraph graph loops for ever", "deepagents-integration"),
        ],
    )
    def test_it_names_the_skill_to_use_instead(self, prompt: str, skill: str) -> None:
        assert as_json(prompt)["instead"] == skill
        assert f"use the skill {skill} instead" in match(prompt).out

    def test_for_another_framework_no_skill_is_named(self) -> None:
        assert as_json("a Flask blueprint")["instead"] is None

    def test_what_is_said_in_passing_is_shown_and_counts_nothing(self) -> None:
        result = match("we decided against FastAPI, fix the slides")
        assert "+0  keyword fastapi: FastAPI, said in passing" in result.out

    def test_it_says_which_section_to_read(self) -> None:
        prompt = "rotate the refresh tokens of our API"
        said = match(prompt).out.strip().split("\n")[-1]
        assert said.startswith(
            'read reference.md, "Passwords and refresh tokens", lines '
        )
        (section,) = as_json(prompt)["sections"]
        assert said.endswith("lines {} to {}".format(*section["lines"]))
        assert as_json("fix the CSS")["sections"] == []

    def test_two_prompts_are_an_error(self) -> None:
        result = match("add", "an endpoint")
        assert result.code == 2
        assert "give one prompt, in quotes" in " ".join(result.text.split())

    def test_a_prompt_comes_by_standard_input_if_it_is_open(self) -> None:
        command = [sys.executable, "-m", "fastapi_patterns", "match", "-"]
        done = subprocess.run(
            command, input="use APIRouter", capture_output=True, text=True, check=False
        )
        assert done.returncode == 0
        latin = b"use APIRouter \xff"
        assert subprocess.run(command, input=latin, check=False).returncode == 0
        shell = ["sh", "-c", f"{shlex.join(command)} <&-"]
        closed = subprocess.run(shell, capture_output=True, text=True, check=False)
        assert closed.returncode == 2
        assert "standard input is closed" in closed.stderr

    def test_nothing_to_match_is_an_error(self) -> None:
        result = match("  ")
        assert result.code == 2
        assert "give a prompt" in result.text


class TestPaths:
    """Which file it is about."""

    @pytest.mark.parametrize(
        "path",
        [
            "backend/api/deps.py",
            "backend/models/user.py",
            "app/api/users.py",
            "src/shop/routers/orders.py",
            "services/billing/app/services/tax.py",
            "routers/users.py",
            "./routers/users.py",
            r"C:\work\backend\api\v1\users.py",
        ],
    )
    def test_a_path_of_a_backend_applies(self, path: str, tmp_path: Path) -> None:
        assert match("--path", path, folder=tmp_path).code == 0

    @pytest.mark.parametrize(
        "path",
        [
            "web/src/api/client.ts",
            "src/components/api/Table.tsx",
            "app/api/checkout/route.js",
            "scripts/report.py",
            "shop/views.py",
            "apps/shop/api/serializers.py",
            "README.md",
        ],
    )
    def test_another_path_does_not(self, path: str, tmp_path: Path) -> None:
        assert match("--path", path, folder=tmp_path).code == 1

    @pytest.mark.parametrize(
        ("text", "applies"),
        [
            ("from fastapi import APIRouter\n", True),
            ("import fastapi.security\n", True),
            ("    from starlette.requests import Request\n", True),
            ("from sqlalchemy.ext.asyncio import AsyncSession\n", True),
            ("from flask import Blueprint\n", False),
            ("from django.http import JsonResponse\n", False),
            ("from litestar import get\n", False),
            ("from langgraph.graph import StateGraph\n", False),
            ("from fastapi import APIRouter\nfrom langgraph.graph import END\n", True),
            ("\ufefffrom fastapi import FastAPI\n", True),
            ("import os, fastapi\n", True),
            ("import os, flask\n", False),
            ("import os; from flask import Flask\n", False),
            ('"""\nfrom fastapi import APIRouter\n"""\nimport flask\n', False),
            ("from flask_wtf import FlaskForm\n", False),
            ("from rest_framework_simplejwt import views\n", False),
            ("from advanced_alchemy.extensions.litestar import base\n", False),
            ("from langchain_core import messages\n", False),
            ("from aiohttp import web\n", False),
            ("from aiohttp import ClientSession, web\n", False),
            ("from sqlalchemy.ext import (\n    # both\n    asyncio,\n)\n", True),
            ("import os, \\\n  fastapi\n", True),
            ("from .fastapi import things\nimport flask\n", False),
            ('Q = \'"""\'\nimport flask\nR = \'"""\'\n', False),
            ("import aiohttp\nfrom sqlalchemy.ext.asyncio import AsyncSession\n", True),
            ("import pandas\nfrom sqlalchemy.ext.asyncio import AsyncSession\n", True),
            ("import pandas\n", False),
        ],
    )
    def test_what_a_file_imports_decides(
        self, text: str, applies: bool, tmp_path: Path
    ) -> None:
        file = tmp_path / "app" / "api" / "things.py"
        file.parent.mkdir(parents=True)
        file.write_text(text)
        found = as_json("--path", "app/api/things.py", folder=tmp_path)
        assert found["applies"] is applies

    @pytest.mark.parametrize("folder", ["services", "models", "schemas", "core"])
    def test_a_backends_folder_elsewhere_is_a_hint(
        self, folder: str, tmp_path: Path
    ) -> None:
        path = f"src/shop/{folder}/order.py"
        file = tmp_path / path
        file.parent.mkdir(parents=True)
        file.write_text("import csv\n")
        assert match("--path", path, folder=tmp_path).code == 1
        file.write_text("from sqlalchemy import select\n")
        assert match("--path", path, folder=tmp_path).code == 0

    def test_what_others_wrote_is_not_ours(self, tmp_path: Path) -> None:
        path = tmp_path / "venv" / "site-packages" / "fastapi" / "routing.py"
        path.parent.mkdir(parents=True)
        (path.parent / "requirements.txt").write_text("")
        path.write_text("from fastapi import params\n")
        assert match("--path", str(path), folder=tmp_path).code == 1

    def test_a_path_without_a_project_is_taken_whole(self, tmp_path: Path) -> None:
        path = str(tmp_path / "backend" / "api" / "users.py")
        assert match("--path", path, folder=ROOT).code == 0
        assert as_json("--path", path, folder=ROOT)["files"][0]["path"] == path

    def test_a_path_from_below_is_taken_from_the_project(self, tmp_path: Path) -> None:
        (tmp_path / ".git").mkdir()
        folder = tmp_path / "backend"
        (folder / "services").mkdir(parents=True)
        assert match("--path", "services/users.py", folder=folder).code == 0

    @pytest.mark.parametrize(
        ("path", "skill"),
        [
            ("web/src/api/Button.tsx", "react-enterprise"),
            ("agents/graph.py", "deepagents-integration"),
        ],
    )
    def test_a_file_names_the_skill_to_use_instead(
        self, path: str, skill: str, tmp_path: Path
    ) -> None:
        file = tmp_path / path
        file.parent.mkdir(parents=True)
        file.write_text("from langgraph.graph import StateGraph\n")
        assert as_json("--path", path, folder=tmp_path)["instead"] == skill

    def test_a_shell_may_list_the_files(self, tmp_path: Path) -> None:
        for name in ("a.py", "b.py"):
            (tmp_path / name).write_text("import fastapi\n")
        found = as_json("fix these", "--path", "a.py", "b.py", folder=tmp_path)
        assert [file["path"] for file in found["files"]] == ["a.py", "b.py"]

    def test_a_path_cannot_write_to_the_terminal(self, tmp_path: Path) -> None:
        said = match("--path", "routers/\033[31mred\nx.py", folder=tmp_path).out
        assert "\033" not in said
        assert "red\ufffdx.py" in said

    def test_a_file_that_imports_it_applies_wherever_it_is(
        self, tmp_path: Path
    ) -> None:
        (tmp_path / "thing.py").write_text("from fastapi import FastAPI\n")
        found = as_json("--path", "thing.py", folder=tmp_path)
        assert [t["trigger"] for t in found["triggers"]] == ["fastapi"]

    def test_the_folders_above_the_project_say_nothing(self, tmp_path: Path) -> None:
        project = tmp_path / "backend" / "api" / "project"
        project.mkdir(parents=True)
        (project / "report.py").write_text("print()\n")
        path = str(project / "report.py")
        assert match("--path", path, folder=project).code == 1

    def test_a_file_of_any_bytes_is_judged_by_its_path(self, tmp_path: Path) -> None:
        (tmp_path / "routers").mkdir()
        (tmp_path / "routers" / "b.py").write_bytes(b"\xff\xfe\x00 import \x80")
        assert match("--path", "routers/b.py", folder=tmp_path).code == 0

    @pytest.mark.parametrize(
        ("pattern", "path", "matches"),
        [
            ("**/api/**/*.py", "api/x.py", True),
            ("**/api/**/*.py", "a/b/api/c/x.py", True),
            ("**/api/**/*.py", "capi/x.py", False),
            ("deps.py", "a/deps.py", True),
            ("/deps.py", "a/deps.py", False),
            ("api/", "a/api/b/x.py", True),
            ("a/*.py", "a/b/x.py", False),
            ("a/[!b]?.py", "a/cd.py", True),
            ("a/[!b]?.py", "a/bd.py", False),
            ("docs/**", "docs/a/b.md", True),
        ],
    )
    def test_globs_are_those_of_gitignore(
        self, pattern: str, path: str, matches: bool
    ) -> None:
        assert files.matches_glob(pattern, path) is matches

    def test_it_says_what_it_could_not_read(self, tmp_path: Path) -> None:
        (tmp_path / "there.py").write_text("import fastapi\n")
        arguments = ("--path", "there.py", "--path", "routers/gone.py")
        assert as_json(*arguments, folder=tmp_path)["files"] == [
            {"path": "there.py", "read": True},
            {"path": "routers/gone.py", "read": False},
        ]
        assert "not read: routers/gone.py" in match(*arguments, folder=tmp_path).out

    @pytest.mark.parametrize("path", ["", "folder"])
    def test_a_path_that_is_no_file_is_an_error(
        self, path: str, tmp_path: Path
    ) -> None:
        (tmp_path / "folder").mkdir()
        result = match("--path", path, folder=tmp_path)
        assert result.code == 2
        assert "is no file" in result.text

    def test_a_path_from_elsewhere_is_taken_from_its_project(
        self, tmp_path: Path
    ) -> None:
        project = tmp_path / "api" / "shop"
        (project / "routers").mkdir(parents=True)
        (project / "pyproject.toml").write_text("")
        for name in ("routers/a.py", "tool.py"):
            (project / name).write_text("print()\n")
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        path = str(project / "routers" / "a.py")
        assert match("--path", path, folder=elsewhere).code == 0
        path = str(project / "tool.py")
        assert match("--path", path, folder=elsewhere).code == 1


class TestProject:
    """What the project depends on."""

    @pytest.mark.parametrize(
        ("dependencies", "applies"),
        [
            ("[project]\ndependencies = ['fastapi[standard]>=0.121']\n", True),
            ('[tool.poetry.dependencies]\nfastapi = "^0.121"\n', True),
            ("[project]\ndependencies = ['django']\n", False),
            ("[project]\ndescription = 'no fastapi here'\n", False),
            ("[project]\n# fastapi was dropped\n", False),
            ("[project]\nname = 'shop'\n", False),
        ],
    )
    def test_it_helps_a_word(
        self, dependencies: str, applies: bool, tmp_path: Path
    ) -> None:
        (tmp_path / "pyproject.toml").write_text(dependencies)
        project = ("--project", str(tmp_path))
        found = as_json("the endpoint is slow", *project, folder=tmp_path)
        assert found["applies"] is applies
        assert as_json("fix the typos", *project, folder=tmp_path)["triggers"] == []

    @pytest.mark.parametrize("part", ["", "backend", "server"])
    def test_requirements_are_read_where_a_backend_is(
        self, part: str, tmp_path: Path
    ) -> None:
        (tmp_path / part).mkdir(exist_ok=True)
        (tmp_path / part / "requirements.txt").write_text("uvicorn\nfastapi==0.121.0\n")
        assert match("slow endpoint", "--project", str(tmp_path)).code == 0

    def test_the_nearest_folder_that_says_decides(self, tmp_path: Path) -> None:
        (tmp_path / ".git").mkdir()
        (tmp_path / "requirements.txt").write_text("django\n")
        service = tmp_path / "services" / "orders"
        service.mkdir(parents=True)
        asked = ("slow endpoint", "--project", str(service))
        assert match(*asked).code == 1
        (service / "pyproject.toml").write_text("dependencies = ['fastapi']")
        assert match(*asked).code == 0

    def test_a_tool_is_no_framework(self, tmp_path: Path) -> None:
        built = "[build-system]\nrequires = ['scikit-build-core', 'ninja']\n"
        (tmp_path / "pyproject.toml").write_text(built)
        assert match("add an endpoint", "--project", str(tmp_path)).code == 0

    def test_a_project_that_is_not_there_is_an_error(self, tmp_path: Path) -> None:
        result = match("add an endpoint", "--project", str(tmp_path / "gone"))
        assert result.code == 2
        assert "does not exist" in " ".join(result.text.split())

    def test_another_framework_speaks_against(self, tmp_path: Path) -> None:
        (tmp_path / "requirements.txt").write_text("flask\n")
        assert match("add an endpoint").code == 0
        assert match("add an endpoint", "--project", str(tmp_path)).code == 1


class TestBesideOthers:
    """What is said beside another framework, or a file of one."""

    @pytest.mark.parametrize(
        ("prompt", "text", "applies"),
        [
            ("Not Flask, we use FastAPI: mount the static folder", "", True),
            ("What is FastAPI's equivalent of Express middleware?", "", True),
            ("Port this file to FastAPI", "from flask import Flask\n", True),
            ("Port this from FastAPI to Litestar", "import litestar\n", False),
            (
                "add pagination, a rate limit and a 429 to the endpoint",
                "from litestar import get\n",
                False,
            ),
            ("explain how yield dependencies work with AsyncSession", "", True),
            ("rebase my fastapi branch on main", "", False),
        ],
    )
    def test_the_aim_decides(
        self, prompt: str, text: str, applies: bool, tmp_path: Path
    ) -> None:
        (tmp_path / "thing.py").write_text(text)
        paths = ("--path", "thing.py") if text else ()
        assert as_json(prompt, *paths, folder=tmp_path)["applies"] is applies

    @pytest.mark.parametrize(
        "prompt",
        [
            "next dev says address already in use",
            "is undefined, says vite",
            "psql: relation does not exist",
            "Kodi: database is locked",
        ],
    )
    def test_an_error_that_anything_may_show_is_not_enough(self, prompt: str) -> None:
        assert match(prompt).code == 1


def test_one_source_is_read_the_same_by_all(known: triggers.Triggers) -> None:
    # The hooks read the frontmatter without a YAML parser.
    source, _ = frontmatter.split((ROOT / "SKILL.md").read_text())
    metadata = frontmatter.parse(source or "").metadata or {}
    assert ", ".join(known.keywords) == metadata["trigger-keywords"]
    assert {*prompts.AS_WRITTEN} <= {*known.keywords}
    assert ", ".join(known.paths) == metadata["trigger-paths"]
    assert "; ".join(known.tasks) == metadata["trigger-tasks"]
    assert ", ".join(known.foreign_imports) == metadata["not-for-imports"]


@pytest.mark.parametrize("prompt", ["", "\0", "(" * 5000, "a" * 200_000, "[]{}\\*+?"])
def test_any_prompt_is_taken(known: triggers.Triggers, prompt: str) -> None:
    assert not matching.match(known, prompt, [File("", None)]).applies


class TestEvaluation:
    """The labelled cases."""

    def test_the_scores_are_those_recorded(self) -> None:
        found = bundle.read(ROOT)
        scores = evaluation.score_all(found)
        sections = evaluation.score_sections(found)
        for score in (*scores, *sections):
            print(score)
        measured = evaluation.figures(scores, sections)
        assert measured == evaluation.recorded(ROOT), (
            "evaluate --write, if it is better"
        )
        halves = measured["triggers"].values()
        assert all(figure >= 0.9 for half in halves for figure in half.values())

    def test_each_section_of_a_label_is_there(self) -> None:
        reference = (ROOT / "reference.md").read_text()
        halves = json.loads((ROOT / "evals" / "sections.json").read_text())
        for half in halves.values():
            for case in half:
                for title in case["sections"]:
                    assert f"\n## {title}\n" in reference

    def test_the_readme_says_what_was_measured(self) -> None:
        recorded = evaluation.recorded(ROOT)
        held_out = recorded["triggers"]["held-out"]
        cases = len(evaluation.read(ROOT, "held-out"))
        readme = " ".join((ROOT / "README.md").read_text().split())
        said = "{precision:.3f} and their recall {recall:.3f}".format(**held_out)
        assert f"On the {cases} cases" in readme
        assert f"precision is {said}" in readme
        either = recorded["sections"]["held-out"]["either"]
        assert f"names fits for {either:.3f}" in readme

    @pytest.mark.parametrize("half", evaluation.HALVES)
    def test_half_of_the_cases_are_near_misses(self, half: str) -> None:
        cases = evaluation.read(ROOT, half)
        ours = sum(case.should_trigger for case in cases)
        assert len(cases) >= 150
        assert 0.45 <= ours / len(cases) <= 0.55

    def test_no_case_is_in_both_halves(self) -> None:
        train, held_out = (
            {(c.query, c.paths) for c in evaluation.read(ROOT, half)}
            for half in evaluation.HALVES
        )
        assert not train & held_out

    def test_the_same_cases_are_there_for_claude_plugin_eval(self) -> None:
        wanted = {
            path: text
            for half in evaluation.HALVES
            for path, text in evaluation.plugin_cases(evaluation.read(ROOT, half))
        }
        there = {
            path.relative_to(ROOT).as_posix(): path.read_text()
            for path in (ROOT / "evals" / "cases").rglob("*")
            if path.is_file()
        }
        assert there == wanted, "run fastapi-patterns evaluate --write"

    def test_a_worse_trigger_is_seen(self, known: triggers.Triggers) -> None:
        worse = triggers.read("---\nmetadata:\n---\n", "")
        cases = evaluation.read(ROOT, "train")
        assert evaluation.score(worse, "train", cases).recall < 0.1
        assert evaluation.score(known, "train", cases).recall > 0.9
