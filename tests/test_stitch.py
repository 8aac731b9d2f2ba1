"""stitch: an edit made in examples/ comes back into its block."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conftest import Folder
from tests.test_extract import TWO_BLOCKS

SKILL_WITH_EXCERPT = """\
---
name: fastapi-patterns
description: Use when writing FastAPI.
---
# Skill

```python {title="backend/main.py" .excerpt}
# ...
def two() -> int:
    return 2
```
"""


@pytest.fixture
def folder(make_folder: Callable[..., Folder]) -> Folder:
    folder = make_folder(skill=SKILL_WITH_EXCERPT, examples=TWO_BLOCKS)
    assert folder.run("extract").code == 0
    return folder


def assert_agree(folder: Folder) -> None:
    assert folder.run("extract", "--check").code == 0, folder.read("examples.md")


def test_an_edit_comes_back_and_the_excerpt_follows(folder: Folder) -> None:
    folder.edit(
        "examples/backend/main.py", "    return 2\n", "    two = 2\n    return two\n"
    )

    result = folder.run("stitch")

    assert result.code == 0, result.text
    assert "stitched into SKILL.md:7" in result.out
    assert "stitched into examples.md:14" in result.out
    assert "    two = 2\n    return two\n```\n" in folder.read("examples.md")
    assert "    two = 2\n    return two\n```\n" in folder.read("SKILL.md")
    assert_agree(folder)


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("main.py", "def one", "ONE = 1\n\n\ndef one"),
        ("main.py", "return 1\n", "return 1\n\n\ndef middle() -> int:\n    return 0\n"),
        ("main.py", "return 2\n", "return 2\n\n\ndef three() -> int:\n    return 3\n"),
        ("main.py", "def one() -> int:\n    return 1", "def one() -> int:\n    pass"),
        ("service.py", "        return 1\n", "        a = 1\n\n        return a\n"),
        ("service.py", "return 2\n", "return 2\n\n    def three(self) -> None: ...\n"),
        ("service.py", "class Service:\n", 'class Service:\n    """It."""\n\n'),
    ],
)
def test_edits_of_many_forms_come_back(
    folder: Folder, path: str, old: str, new: str
) -> None:
    folder.edit(f"examples/backend/{path}", old, new)
    edited = folder.read(f"examples/backend/{path}")

    result = folder.run("stitch")

    assert result.code == 0, result.text
    assert folder.read(f"examples/backend/{path}") == edited
    assert_agree(folder)


def test_both_sides_changed_shows_both_and_changes_nothing(folder: Folder) -> None:
    folder.edit("examples/backend/main.py", "return 1", "return 10")
    folder.edit("examples.md", "return 1\n```\n\nThe", "return 100\n```\n\nThe")
    before = folder.snapshot()

    result = folder.run("stitch")

    assert result.code == 1
    assert "both sides changed" in result.err
    assert "return 10\n" in result.err
    assert "return 100\n" in result.err
    assert folder.snapshot() == before


def test_other_files_are_not_stitched_where_one_cannot(folder: Folder) -> None:
    folder.edit("examples/backend/service.py", "return 1", "return 7")
    folder.edit(
        "examples/backend/main.py", "return 1\n\n\ndef two", "return 1\ndef two"
    )
    before = folder.snapshot()

    result = folder.run("stitch")

    assert result.code == 1
    assert "examples/backend/main.py" in result.err
    assert folder.snapshot() == before


def test_an_edit_over_the_edge_of_a_block_is_refused(folder: Folder) -> None:
    folder.edit(
        "examples/backend/main.py",
        "    return 1\n\n\ndef two",
        "    return 8\ndef three",
    )
    before = folder.snapshot()

    result = folder.run("stitch")

    assert result.code == 1
    assert "examples/backend/main.py:2: this edit reaches over the edge" in result.err
    assert folder.snapshot() == before


def test_an_edit_that_would_close_its_fence_is_refused(folder: Folder) -> None:
    folder.edit("examples/backend/main.py", "    return 1\n", '    """\n```\n    """\n')
    before = folder.snapshot()

    result = folder.run("stitch")

    assert result.code == 1
    assert "break the documents" in result.err or "closes its fence" in result.err
    assert folder.snapshot() == before


def test_an_edit_that_does_not_parse_is_refused(folder: Folder) -> None:
    folder.edit("examples/backend/main.py", "return 1", "return (")
    before = folder.snapshot()

    result = folder.run("stitch")

    assert result.code == 1
    assert "no valid Python" in result.err
    assert folder.snapshot() == before


def test_new_and_removed_files_are_told(folder: Folder) -> None:
    folder.write("examples/backend/new.py", "x = 1\n")
    (folder.path / "examples/backend/service.py").unlink()

    result = folder.run("stitch")

    assert result.code == 1
    assert (
        'examples/backend/new.py: no block makes this file: write one with title="b'
        in result.err
    )
    assert "examples/backend/service.py: the file was removed" in result.err


def test_without_a_record_nothing_is_guessed(folder: Folder) -> None:
    (folder.path / "examples" / ".extracted").unlink()
    folder.edit("examples.md", "return 1\n```\n\nThe", "return 5\n```\n\nThe")
    before = folder.snapshot()

    result = folder.run("stitch")

    assert result.code == 1
    assert "both sides changed" in result.err
    assert folder.snapshot() == before


def test_before_the_first_extraction_it_says_so(
    make_folder: Callable[..., Folder],
) -> None:
    result = make_folder(examples=TWO_BLOCKS).run("stitch")

    assert result.code == 1
    assert "the file is not there yet: run extract" in result.err


@pytest.mark.parametrize("change", ["no end", "crlf", "unicode", "form feed"])
def test_what_editors_do_to_a_file_is_no_obstacle(folder: Folder, change: str) -> None:
    path = folder.path / "examples/backend/main.py"
    text = path.read_text().replace("return 2", "return 22")
    texts = {
        "no end": text.removesuffix("\n"),
        "crlf": text.replace("\n", "\r\n"),
        "unicode": text.replace("22", "22  # \u2028 é"),
        "form feed": text.replace("22", "22  # \x0c"),
    }
    path.write_bytes(texts[change].encode())

    result = folder.run("stitch")

    assert result.code == 0, result.err
    assert "return 22" in folder.read("examples.md")
    assert_agree(folder)


def test_a_file_that_is_not_utf_8_is_told(folder: Folder) -> None:
    path = folder.path / "examples/backend/main.py"
    path.write_bytes(path.read_bytes() + b"# \xff\n")

    result = folder.run("stitch")

    assert result.code == 1
    assert "the file is not UTF-8" in result.err


def test_markup_in_an_edit_is_shown_as_it_is(folder: Folder) -> None:
    folder.edit("examples/backend/main.py", "return 1", 'return "[/a] :100:"')
    folder.edit("examples.md", "return 1\n```\n\nThe", "return 5\n```\n\nThe")

    assert 'return "[/a] :100:"' in folder.run("stitch").err


def test_the_mode_of_a_document_stays(folder: Folder) -> None:
    (folder.path / "examples.md").chmod(0o600)
    folder.edit("examples/backend/main.py", "return 1", "return 7")

    assert folder.run("stitch").code == 0
    assert (folder.path / "examples.md").stat().st_mode & 0o777 == 0o600


def test_a_changed_document_alone_is_no_edit(folder: Folder) -> None:
    folder.edit("examples.md", "return 1\n```\n\nThe", "return 5\n```\n\nThe")

    result = folder.run("stitch")

    assert result.code == 0
    assert "holds no edit" in result.out


def test_line_ends_of_the_document_stay(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder(examples=TWO_BLOCKS.replace("\n", "\r\n"))
    folder.run("extract")
    folder.edit("examples/backend/main.py", "return 1", "return 4")

    assert folder.run("stitch").code == 0

    raw = (folder.path / "examples.md").read_bytes()
    assert b"    return 4\r\n" in raw
    assert raw.count(b"\n") == raw.count(b"\r\n")
