"""check: lint, types and coverage, each at its line in the Markdown."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fastapi_patterns import bundle, check
from tests.conftest import EXAMPLES, Folder

APP = (
    EXAMPLES
    + '''
```python title="backend/logic.py"
"""Logic."""


def choose(number: int) -> str:
    """Choose a word."""
    if number > 1:
        return "many"
    return "one"
```

More of it:

```python title="backend/logic.py"
def count(word: str) -> int:
    """Count letters."""
    return len(word)
```

```python title="backend/tests/__init__.py"
"""The tests."""
```

```python title="backend/tests/test_logic.py"
from backend.logic import choose, count


def test_choose() -> None:
    assert choose(1) == "one"
    assert choose(2) == "many"
    assert count("abc") == 3
```
'''
)


@pytest.fixture
def folder(make_folder: Callable[..., Folder]) -> Folder:
    folder = make_folder(examples=APP)
    assert folder.run("extract").code == 0
    return folder


def change(folder: Folder, old: str, new: str) -> None:
    folder.edit("examples.md", old, new)
    assert folder.run("extract").code == 0


def test_a_sound_app_has_no_findings(folder: Folder) -> None:
    result = folder.run("check", "--coverage")

    assert result.code == 0, result.text
    assert "no findings" in result.out


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        (
            '"""Count letters."""',
            '"""Count."""\n    import os',
            "examples.md:23:12: F401",
        ),
        ("return len(word)", "return len( word )", "examples.md:23: would be reform"),
        (
            "return len(word)",
            'return "x"',
            "examples.md:23: error: Incompatible return",
        ),
    ],
)
def test_a_finding_is_told_at_its_markdown_line(
    folder: Folder, old: str, new: str, finding: str
) -> None:
    change(folder, old, new)

    result = folder.run("check")

    assert result.code == 1
    assert finding in result.out, result.out
    assert "examples/backend" not in result.out


def test_a_finding_in_a_program_is_told_too(folder: Folder) -> None:
    folder.write("reference.md", "# R\n\n```python\nimport os\n\nx = 1\n```\n")

    result = folder.run("check")

    assert "reference.md:4:8: F401" in result.out


@pytest.mark.parametrize(
    ("line", "gap"),
    [
        ("    assert choose(2) == ", "examples.md:14: no test runs: return"),
        ("    assert count(", "examples.md:23: no test runs: return len(word)"),
    ],
)
def test_a_gap_in_coverage_is_told(folder: Folder, line: str, gap: str) -> None:
    text = folder.read("examples.md")
    start = text.index(line)
    folder.write("examples.md", text[:start] + text[text.index("\n", start) + 1 :])
    folder.run("extract")

    found = check.coverage(bundle.read(folder.path))

    assert any(finding.text.startswith(gap) for finding in found), found


def test_a_branch_that_no_test_takes_is_told(folder: Folder) -> None:
    change(
        folder, '        return "many"\n    return', "        number = 2\n    return"
    )
    change(
        folder,
        '    assert choose(1) == "one"\n    assert choose(2) == "many"\n',
        '    assert choose(2) == "one"\n',
    )

    found = check.coverage(bundle.read(folder.path))

    assert [f.text for f in found] == [
        "examples.md:13: no test goes from here to examples.md:15"
    ]


def test_a_failing_test_is_told_at_its_markdown_line(folder: Folder) -> None:
    change(folder, 'choose(1) == "one"', 'choose(1) == "none"')

    result = folder.run("check", "--coverage")

    assert result.code == 1
    assert "examples.md:35: in test_choose" in result.out


def test_drift_is_told_first(folder: Folder) -> None:
    folder.edit("examples/backend/logic.py", "return len(word)", "return 1")

    result = folder.run("check")

    assert result.code == 1
    assert "differs from the documents in backend/logic.py" in result.err
