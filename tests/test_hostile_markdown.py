"""Hostile Markdown: the reader never crashes, hangs or writes outside examples/."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fastapi_patterns import bundle, extract, markdown
from fastapi_patterns.problems import ContractError
from tests.conftest import SKILL

PIECES = st.sampled_from(
    [
        *("```", "````", "~~~", "~~~~", "``", "`", "~"),
        *("python", "python ", "text {.tree}", "console", "toml", "{", "}", ".excerpt"),
        *('title="', '"', "title='a.py'", 'title="../a.py"', 'title="/tmp/a.py"'),
        *('title="b/c.py"', 'title="B/c.py"', 'raises="A: b"', 'since="0.1"', "."),
        *(
            "\n",
            "\n\n",
            "\r\n",
            "\r",
            "\t",
            "    ",
            "  ",
            " ",
            "\0",
            "\f",
            "\v",
            "\u2028",
        ),
        *(
            "> ",
            "- ",
            "1. ",
            "!!! note\n",
            '=== "a"\n',
            "<div>",
            "<!--",
            "-->",
            "---\n",
        ),
        *(
            "# a\n",
            "x = 1",
            "assert",
            "def f(:",
            "\\",
            "&quot;",
            "[a]: b\n",
            "é",
            "\ud7ff",
        ),
    ]
)
HOSTILE = st.lists(st.one_of(PIECES, st.text(max_size=8)), max_size=60).map("".join)


@given(HOSTILE, HOSTILE)
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_reading_and_extracting_end_and_stay_inside(one: str, two: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "root")
        root.mkdir()
        contents = {
            "SKILL.md": SKILL,
            "reference.md": one,
            "examples.md": f"# E\n{two}",
        }
        for name, text in contents.items():
            (root / name).write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            found = bundle.read(root)
        except ContractError as error:
            for problem in error.problems:
                lines = contents[problem.document].count("\n") + 1
                carriage = contents[problem.document].count("\r")
                assert 1 <= problem.line <= lines + carriage + 1
                assert "\n" not in str(problem)
            assert sorted(p.name for p in root.iterdir()) == sorted(contents)
        else:
            extract.extract(found)
            assert extract.compare(found).written == {}
            outside = [p for p in root.iterdir() if p.name not in contents]
            assert [p.name for p in outside] in ([], ["examples"])
        assert [p.name for p in Path(folder).iterdir()] == ["root"]


@given(HOSTILE)
@settings(max_examples=300, deadline=None)
def test_every_fence_has_its_true_line(text: str) -> None:
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    lines = text.split("\n")
    for fence in markdown.read(text).fences:
        assert "```" in lines[fence.line - 1] or "~~~" in lines[fence.line - 1]


@pytest.mark.parametrize(
    ("piece", "fences"),
    [
        ("```python\nx = 1\n```\n\n", 476_190),
        ("```python\n", 1),
        ("`", 1),
        (">", 0),
        ("- ", 0),
        ("\t", 0),
        ("<div>\n", 0),
        ("[", 0),
    ],
)
def test_ten_megabytes_are_read(piece: str, fences: int) -> None:
    page = markdown.read(piece * (10_000_000 // len(piece)))

    assert len(page.fences) == fences
