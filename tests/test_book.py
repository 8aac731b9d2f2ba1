"""examples.md grows the app as a book does: a reader may stop after any section."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fastapi_patterns import bundle
from fastapi_patterns.files import File
from tests.conftest import ROOT

BOOK = "examples.md"


def chapters() -> dict[str, int]:
    """Give the line at which each section of the book ends, by its heading."""
    document = bundle.read(ROOT).documents[BOOK]
    tops = [h for h in document.page.headings if h.level == 2]
    ends = [h.line for h in tops[1:]] + [document.text.count("\n") + 2]
    blocks = [b.line for b in bundle.read(ROOT).blocks if b.document == BOOK]
    return {
        top.text: end
        for top, end in zip(tops, ends, strict=True)
        if any(top.line < line < end for line in blocks)
    }


@pytest.mark.parametrize("chapter", chapters())
def test_what_is_shown_so_far_imports_and_passes_its_tests(
    chapter: str, tmp_path: Path
) -> None:
    ends = [0, *chapters().values()]
    end = chapters()[chapter]
    begin = ends[ends.index(end) - 1]
    modules: list[str] = []
    old_tests: list[str] = []
    new_tests: list[str] = []
    changed = False
    for file in bundle.read(ROOT).files.values():
        shown = tuple(b for b in file.blocks if b.document == BOOK and b.line < end)
        if not shown:
            continue
        path = tmp_path / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(File(file.path, shown).text)
        if file.is_python:
            modules.append(
                re.sub(r"(/__init__)?\.py$", "", file.path).replace("/", ".")
            )
        is_new, grows = shown[0].line > begin, shown[-1].line > begin
        if file.is_test:
            (new_tests if grows else old_tests).append(file.path)
        # New modules alone cannot change how earlier tests end.
        changed |= grows and (not is_new or path.name == "conftest.py")

    _run(tmp_path, "-c", "import " + ", ".join(modules))
    if tests := new_tests + old_tests * changed:
        options = ("-q", "--tb=short", "-p", "no:cacheprovider")
        _run(tmp_path, "-m", "pytest", *options, *tests)


def _run(folder: Path, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
