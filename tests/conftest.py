"""What the tests share: bundles in folders of their own, and the command line."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fastapi_patterns.cli import app

ROOT = Path(__file__).parents[1]

SKILL = """\
---
name: fastapi-patterns
description: Use when writing FastAPI.
---
# Skill
"""
REFERENCE = "# Reference\n"
EXAMPLES = """\
# Examples

```python title="backend/__init__.py"
\"\"\"The app.\"\"\"
```
"""


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err


@dataclass(frozen=True)
class Folder:
    """A folder with three documents, and the command line run in it."""

    path: Path

    def write(self, name: str, text: str | bytes) -> None:
        data = text if isinstance(text, bytes) else text.encode()
        (self.path / name).write_bytes(data)

    def read(self, name: str) -> str:
        return (self.path / name).read_text()

    def edit(self, name: str, old: str, new: str) -> None:
        text = self.read(name)
        assert old in text
        self.write(name, text.replace(old, new))

    def run(self, command: str, *arguments: str) -> Result:
        """Run a command of ours in this process."""
        options = ["--root", str(self.path), *arguments]
        done = CliRunner().invoke(app, [command, *options], catch_exceptions=False)
        return Result(done.exit_code, done.stdout, done.stderr)

    def ours(self, *arguments: str) -> Result:
        """Run a command of ours in this process, from the folder."""
        with contextlib.chdir(self.path):
            done = CliRunner().invoke(app, arguments, catch_exceptions=False)
        return Result(done.exit_code, done.stdout, done.stderr)

    def process(self, *arguments: str) -> Result:
        """Run the command line in a process of its own, as a person does."""
        return self._run([sys.executable, "-m", "fastapi_patterns", *arguments])

    def pytest(self, *arguments: str) -> Result:
        options = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest")
        return self._run([sys.executable, "-m", "pytest", *options, *arguments])

    def _run(self, command: list[str]) -> Result:
        done = subprocess.run(
            command,
            cwd=self.path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def snapshot(self) -> dict[str, bytes]:
        """Every file below the folder, to compare before and after."""
        return {
            path.relative_to(self.path).as_posix(): path.read_bytes()
            for path in sorted(self.path.rglob("*"))
            if path.is_file() and "__pycache__" not in path.parts
        }


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[..., Folder]:
    """Make a folder of documents; what is not given is minimal and sound."""

    def make(
        *,
        skill: str = SKILL,
        reference: str = REFERENCE,
        examples: str = EXAMPLES,
    ) -> Folder:
        folder = Folder(tmp_path)
        folder.write("SKILL.md", skill)
        folder.write("reference.md", reference)
        folder.write("examples.md", examples)
        return folder

    return make


@pytest.fixture
def product() -> Folder:
    """The product itself."""
    return Folder(ROOT)
