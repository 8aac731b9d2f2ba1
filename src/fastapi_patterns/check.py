"""Lint, types and coverage of the code in the documents, at its Markdown lines."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi_patterns import source_map
from fastapi_patterns.blocks import Block, Kind
from fastapi_patterns.bundle import Bundle
from fastapi_patterns.files import FOLDER

_LINTER = [sys.executable, "-m", "ruff", "check", "--output-format=concise"]
_FORMATTER = [sys.executable, "-m", "ruff", "format", "--diff", "--quiet"]

_PROGRAMS = (Kind.PROGRAM, Kind.SINCE, Kind.MISTAKE)

_SUMMARY = re.compile(
    r"(Found \d+ error|Success: |All checks passed|\d+ files? (already|would)|"
    r"\[\*\] \d+ fixable|No fixes available).*"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a tool found: which tool, where, and what."""

    tool: str
    text: str

    def __str__(self) -> str:
        return f"{self.text}  ({self.tool})"


def lint(bundle: Bundle) -> list[Finding]:
    """Run Ruff's linter and formatter over the app and over the programs."""
    config = bundle.root / "pyproject.toml"
    options = ["--config", str(config)] if config.is_file() else []
    return [
        *_run(bundle, "ruff check", [*_LINTER, *options, FOLDER]),
        *_format(bundle, options),
        *_lint_programs(bundle),
    ]


def _format(bundle: Bundle, options: list[str]) -> Iterator[Finding]:
    """Find where the formatter would change the app."""
    diff = _output([*_FORMATTER, *options, FOLDER], bundle.root)
    for path, line in _changed_lines(diff):
        place = source_map.locate(bundle, path.removeprefix(f"{FOLDER}/"), line)
        yield Finding("ruff format", f"{place}: would be reformatted")


def _changed_lines(diff: str) -> Iterator[tuple[str, int]]:
    """Give file and line of the first change in each hunk of a unified diff."""
    path, line = "", 0
    for text in diff.splitlines():
        if text.startswith("--- "):
            path = text[4:]
        elif hunk := re.match(r"@@ -(\d+)", text):
            line = int(hunk[1])
        elif text.startswith(" "):
            line += 1 if line else 0
        elif text.startswith(("-", "+")) and not text.startswith("+++ ") and line:
            yield path, line
            line = 0  # the rest of this hunk is the same finding


def types(bundle: Bundle) -> list[Finding]:
    """Run mypy, strict, over the app."""
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary"]
    options = ["--explicit-package-bases", FOLDER]
    return list(_run(bundle, "mypy", [*command, *options]))


def coverage(bundle: Bundle) -> list[Finding]:
    """Run the app's tests and find the lines and branches that they leave out."""
    with tempfile.TemporaryDirectory() as folder:
        data, report = f"--data-file={folder}/data", Path(folder, "report.json")
        coverage = [sys.executable, "-m", "coverage"]
        # SQLAlchemy's asyncio runs in greenlets, which the tracer must follow.
        options = ["--branch", "--concurrency=greenlet,thread", data]
        options += [f"--source={FOLDER}/backend", "--omit=*/tests/*"]
        pytest = ["-q", "-W", "error", "--tb=short", "-p", "no:cacheprovider"]
        tests = subprocess.run(  # noqa: S603
            [
                *(*coverage, "run", *options, "-m", "pytest", *pytest),
                *("-c", os.devnull, "--rootdir=.", f"{FOLDER}/backend"),
            ],
            cwd=bundle.root,
            env={**os.environ, "PYTHONPATH": str(bundle.examples)},
            capture_output=True,
            text=True,
            check=False,
        )
        if tests.returncode:
            return [Finding("pytest", source_map.rewrite(bundle, tests.stdout))]
        subprocess.run(  # noqa: S603
            [*coverage, "json", "--quiet", data, "-o", str(report)],
            cwd=bundle.root,
            check=True,
        )
        return list(_gaps(bundle, json.loads(report.read_text())))


def _gaps(bundle: Bundle, report: dict[str, Any]) -> Iterator[Finding]:
    for name, file in report["files"].items():
        path = name.removeprefix(f"{FOLDER}/")
        lines = bundle.files[path].text.split("\n")
        for line in file["missing_lines"]:
            place = source_map.locate(bundle, path, line)
            text = f"{place}: no test runs: {lines[line - 1].strip()}"
            yield Finding("coverage", text)
        for line, target in file["missing_branches"]:
            place = source_map.locate(bundle, path, line)
            way = source_map.locate(bundle, path, target) if target > 0 else "the end"
            yield Finding("coverage", f"{place}: no test goes from here to {way}")


def _run(bundle: Bundle, tool: str, command: list[str]) -> Iterator[Finding]:
    done = subprocess.run(  # noqa: S603
        command,
        cwd=bundle.root,
        env={**os.environ, "MYPYPATH": str(bundle.examples)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return
    for line in (done.stdout + done.stderr).splitlines():
        if line.strip() and not _SUMMARY.match(line):
            yield Finding(tool, source_map.rewrite(bundle, line))


def _lint_programs(bundle: Bundle) -> Iterator[Finding]:
    """Lint each program as the file that a reader would paste it into."""
    blocks: dict[str, Block] = {}
    with tempfile.TemporaryDirectory() as folder:
        for block in bundle.blocks:
            if block.kind in _PROGRAMS and "SyntaxError" not in (block.raises or ""):
                name = f"{block.document}_{block.line}.py"
                Path(folder, name).write_text(block.text, "utf-8")
                blocks[name] = block
        rules = ["--isolated", "--select=E,F,W,I,UP,B", "--ignore=B018"]
        linted = _output([*_LINTER, *rules, "."], Path(folder))
        diff = _output([*_FORMATTER, "--isolated", "."], Path(folder))
    for found in re.finditer(r"(?m)^(\S+\.py):(\d+)(:.*)", linted):
        block = blocks[found[1]]
        place = f"{block.document}:{block.line + int(found[2])}"
        yield Finding("ruff check", f"{place}{found[3]}")
    for name, line in _changed_lines(diff):
        block = blocks[name]
        place = f"{block.document}:{block.line + line}"
        yield Finding("ruff format", f"{place}: would be reformatted")


def _output(command: list[str], folder: Path) -> str:
    return subprocess.run(  # noqa: S603
        command, cwd=folder, capture_output=True, text=True, check=False
    ).stdout
