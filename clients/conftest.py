"""A clean home, a project, and the commands of the real clients."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from clients.installed import Commands, NotInstallableError
from clients.model_endpoint import Endpoint

ROOT = Path(__file__).parents[1]
ROUTES = """\
from fastapi import APIRouter

router = APIRouter(prefix="/items")
"""


@dataclass(frozen=True)
class Place:
    """A project and a home folder that nobody used before.

    Attributes:
        commands: The clients' commands.
        home: The home folder.
        project: The project's folder: a repository with one file of an API.
    """

    commands: Commands
    home: Path
    project: Path

    @property
    def routes(self) -> Path:
        """The project's file of an API."""
        return self.project / "backend" / "api" / "items.py"

    def run(self, client: str, *arguments: str, **environment: str) -> str:
        """Run a client in the project and give what it prints; it must succeed."""
        done = self.output(client, *arguments, **environment)
        assert done.returncode == 0, (done.args, done.stdout, done.stderr)
        return done.stdout

    def output(
        self, client: str, *arguments: str, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a client in the project, however it ends."""
        command = self.commands.path(client)
        return subprocess.run(
            [str(command), *arguments],
            cwd=self.project,
            env=self.commands.environment(self.home, **environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    def claude(self, model: Endpoint, *arguments: str, prompt: str = "hi") -> str:
        """Ask Claude Code, with a scripted model behind it."""
        return self.run(
            "claude",
            *("-p", prompt, "--output-format", "stream-json", "--verbose"),
            *arguments,
            ANTHROPIC_BASE_URL=model.url,
            ANTHROPIC_API_KEY="none",
        )

    def ours(self, *arguments: str) -> str:
        """Run this product's own command line in the project."""
        done = subprocess.run(
            [sys.executable, "-m", "fastapi_patterns", *arguments],
            cwd=self.project,
            env=self.commands.environment(self.home),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (done.args, done.stdout, done.stderr)
        return done.stdout


@pytest.fixture(scope="session")
def commands() -> Commands:
    return Commands()


@pytest.fixture
def place(commands: Commands, tmp_path: Path) -> Place:
    made = Place(commands, tmp_path / "home", tmp_path / "project")
    made.home.mkdir()
    made.routes.parent.mkdir(parents=True)
    made.routes.write_text(ROUTES)
    subprocess.run(["git", "init", "-q"], cwd=made.project, check=True)
    return made


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The skill's folder, as the bundle command builds it."""
    folder = tmp_path_factory.mktemp("bundle")
    command = [sys.executable, "-m", "fastapi_patterns", "bundle", "--out", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return folder / "fastapi-patterns"


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository as a clone of it is: without what git ignores."""
    folder = tmp_path_factory.mktemp("repository")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for name in listed.split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item):  # type: ignore[no-untyped-def]
    """Skip, with the reason, what needs a client that cannot be had here."""
    try:
        return (yield)
    except NotInstallableError as error:
        pytest.skip(str(error))
