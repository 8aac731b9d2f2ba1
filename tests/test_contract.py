"""Bad input: one clear line each, all in one go, exit code not 0, nothing written."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.conftest import EXAMPLES, SKILL, Folder


@dataclass(frozen=True)
class Case:
    """A fault put into reference.md, and the line that must come of it."""

    name: str
    text: str
    line: int
    says: str
    mend: str


def fence(info: str, text: str = "x = 1") -> str:
    return f"# Reference\n\n```{info}\n{text}\n```\n"


CASES = [
    Case("no language", fence(""), 3, "names no language", "```python"),
    Case("language", fence("sql"), 3, "language 'sql'", "known: python"),
    Case("text", fence("text"), 3, "checked by nothing", "{.tree}"),
    Case("class", fence("python {.mistaken}"), 3, "'mistaken'", "'mistake'?"),
    Case(
        "misspelt", fence('python {title="a.py" .exerpt}'), 3, "'exerpt'", "'excerpt'"
    ),
    Case("key", fence('python {sinse="0.135"}'), 3, "'sinse'", "'since'?"),
    Case(
        "unknown key", fence('python {hl_lines="1"}'), 3, "'hl_lines'", "known: title"
    ),
    Case("twice", fence('python {since="1" since="2"}'), 3, "given twice", "once"),
    Case(
        "no braces", fence('python title="a.py" .excerpt'), 3, "cannot read", "braces"
    ),
    Case("words", fence("python hello"), 3, "cannot read 'hello'", "braces"),
    Case("not with", fence('python {title="a.py" since="1"}'), 3, "'since'", "remove"),
    Case(
        "both", fence('python {.mistake raises="A: b"}', "assert 1"), 3, "either", "not"
    ),
    Case("no file", fence("python {.excerpt}"), 3, "names no file", "title="),
    Case(
        "raises", fence('python {raises="not a type"}'), 3, "cannot read", "Type: part"
    ),
    Case("version", fence('python {since="new"}'), 3, "no version", 'since="0.135"'),
    Case("package", fence('python {since="nix 1"}'), 3, "not installed", "sqlalchemy"),
    Case("no harm", fence("python {.mistake}"), 3, "asserts no harm", "raises="),
    Case("absolute", fence('python title="/etc/a.py"'), 3, "absolute", "examples/"),
    Case("drive", fence('python title="C:/a.py"'), 3, "absolute", "examples/"),
    Case("climbs", fence('python title="a/../../b.py"'), 3, "climbs", "examples/"),
    Case("folder", fence('python title="examples/a.py"'), 3, "begins", "leave"),
    Case("empty path", fence('python title=""'), 3, "no file name", "examples/"),
    Case(
        "backslash", fence("python title='a\\\\\\\\b.py'"), 3, "no file name", "main.py"
    ),
    Case("slash", fence('python title="a/"'), 3, "no file name", "main.py"),
    Case("dot", fence('python title="./a.py"'), 3, "no file name", "main.py"),
    Case("device", fence('python title="aux.py"'), 3, "no file name", "main.py"),
    Case("long", fence(f'python title="{"a" * 300}.py"'), 3, "no file name", "main.py"),
    Case(
        "case",
        "```python title='b/a.py'\n```\n```python title='B/c.py'\n```\n",
        3,
        "only by case",
        "same",
    ),
    Case(
        "home", fence('python title="backend/__init__.py"'), 3, "its home", ".excerpt"
    ),
    Case("as folder", fence('python title="backend"'), 3, "folder of", "rename"),
    Case(
        "excerpt",
        fence('python {title="backend/__init__.py" .excerpt}', "nothing"),
        4,
        "does not follow",
        "copy it",
    ),
    Case(
        "excerpt of nothing",
        fence('python {title="backend/none.py" .excerpt}'),
        3,
        "made by no block",
        "documents makes",
    ),
    Case("unterminated", "# R\n\n```python\nx = 1\n", 3, "not terminated", "```"),
    Case("short end", "# R\n\n````python\nx = 1\n```\n", 3, "not terminated", "````"),
    Case("syntax", fence("python", "x = 1\ny = = 2"), 5, "no valid Python", "mend"),
    Case("escape", fence("python", r'x = "\d"'), 4, "no valid Python", "mend"),
    Case("empty", "# R\n\n```python\n\n```\n", 3, "is empty", "remove"),
    Case(
        "admonition",
        "!!! note\n    ```python\n    x\n    ```\n",
        2,
        "looks like",
        "margin",
    ),
    Case(
        "tab", '=== "A"\n\n    ```python\n    x\n    ```\n', 3, "looks like", "margin"
    ),
    Case("html", "<div>\n```python\nx = 1\n```\n</div>\n", 2, "looks like", "margin"),
    Case("comment", "<!--\n```python\nx = 1\n```\n-->\n", 2, "looks like", "margin"),
    Case(
        "end too far in", "# R\n\n```toml\na = 1\n    ```\n", 3, "not terminated", "```"
    ),
    Case(
        "end in a quote", "# R\n\n```toml\na = 1\n> ```\n", 3, "not terminated", "```"
    ),
    Case(
        "frontmatter", "---\n\n```python\nx =\n```\n\n---\n", 1, "frontmatter", "begin"
    ),
    Case("empty session", "# R\n\n```console\n```\n", 3, "is empty", "remove"),
    Case("empty tree", "# R\n\n```text {.tree}\n\n```\n", 3, "is empty", "remove"),
    Case(
        "manifest", fence('python title=".extracted"'), 3, "never extracted", "main.py"
    ),
    Case("leftover", fence('python title="a.db"'), 3, "never extracted", "main.py"),
    Case("deep", fence(f'python title="{"a/" * 150}b.py"'), 3, "too long", "main.py"),
    Case("line 100", "\n" * 99 + fence("sql"), 102, "language 'sql'", "known"),
    Case("indented", "# R\n\n    x = 1\n", 3, "indented code", "fence"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_fault_is_one_clear_line(
    case: Case, make_folder: Callable[..., Folder]
) -> None:
    folder = make_folder(reference=case.text)
    before = folder.snapshot()

    result = folder.run("extract")

    assert result.code == 1
    told = [
        line for line in result.err.splitlines() if line.startswith("reference.md:")
    ]
    assert told[0].startswith(f"reference.md:{case.line}: "), result.err
    assert case.says in told[0]
    assert case.mend in told[0].partition(case.says)[2]
    assert "Traceback" not in result.text
    assert folder.snapshot() == before


def test_all_faults_are_told_in_one_go(make_folder: Callable[..., Folder]) -> None:
    texts = [case.text for case in CASES if case.name in ("class", "climbs", "empty")]
    folder = make_folder(reference="\n".join(texts), skill="# No frontmatter\n")

    result = folder.run("prove")

    assert result.code == 1
    assert result.err.count("reference.md:") == 3
    assert "SKILL.md:1: the frontmatter is missing" in result.err
    assert "4 problems; nothing was written" in result.err
    assert not (folder.path / "examples").exists()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "SKILL.md:1: the document is missing"),
        (b"", "SKILL.md:1: the document is empty"),
        (b"  \n", "SKILL.md:1: the document is empty"),
        (b"---\nname: \xff\n---\n", "SKILL.md:2: byte 0xff is not UTF-8"),
        (
            b"\xef\xbb\xbf# a\n",
            "SKILL.md:1: the document begins with a byte order mark",
        ),
        (b"# a\n\nb\0\n", "SKILL.md:3: there is a NUL byte"),
        (b"# a\n\nb\r\nc\n", "SKILL.md:3: the line ends otherwise"),
        (b"# a\rb\r", "SKILL.md:1: the line ends otherwise"),
        (b"# a\n", "SKILL.md:1: the frontmatter is missing"),
        (b"---\nname: !!bool foo\n---\n", "the frontmatter cannot be read"),
        (b"---\nname: a\n", "SKILL.md:1: the frontmatter is not terminated"),
        (b"---\nname: [a\n---\n", "the frontmatter is no valid YAML"),
        (b"---\n- a\n---\n", "SKILL.md:1: the frontmatter is no mapping"),
        (b"---\nname: a\n---\n", "SKILL.md:1: the frontmatter has no description"),
        (
            b"---\nname: A b\ndescription: d\n---\n",
            "SKILL.md:2: 'A b' is no skill name",
        ),
        (b"---\nname: a\ndescription:\n---\n", "SKILL.md:3: description is no text"),
        (
            b"---\nname: a\ndescription: d\ntriggers: x\n---\n",
            "SKILL.md:4: unknown frontmatter field 'triggers'",
        ),
        (
            b"---\nname: a\ndescription: d\nmetadata:\n  keys:\n    - b\n---\n",
            "SKILL.md:5: metadata 'keys' is no string",
        ),
        (
            b"---\nname: a\ndescription: " + b"d" * 1025 + b"\n---\n",
            "SKILL.md:3: description is 1025 characters long",
        ),
    ],
)
def test_a_broken_document_is_told(
    content: bytes | None, says: str, make_folder: Callable[..., Folder]
) -> None:
    folder = make_folder()
    if content is None:
        (folder.path / "SKILL.md").unlink()
    else:
        folder.write("SKILL.md", content)

    result = folder.run("extract")

    assert result.code == 1
    assert says in result.err
    assert "Traceback" not in result.text
    assert not (folder.path / "examples").exists()


def test_a_symlink_is_not_written_through(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    outside = folder.path / "outside"
    outside.mkdir()
    (folder.path / "examples").mkdir()
    (folder.path / "examples" / "backend").symlink_to(outside)

    result = folder.run("extract")

    assert result.code == 1
    assert "examples.md:3:" in result.err
    assert "goes through the symlink 'backend'" in result.err
    assert list(outside.iterdir()) == []


def test_a_symlinked_examples_is_left_alone(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder(examples="# Examples\n")
    outside = folder.path / "outside"
    outside.mkdir()
    (outside / "precious.txt").write_text("x")
    (folder.path / "examples").symlink_to(outside)

    result = folder.run("extract")

    assert result.code == 1
    assert "examples/ is no folder" in result.err
    assert [path.name for path in outside.iterdir()] == ["precious.txt"]


def test_a_document_that_is_no_file_is_told(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    (folder.path / "reference.md").unlink()
    os.mkfifo(folder.path / "reference.md")

    result = folder.run("extract")

    assert result.code == 1
    assert "reference.md:1: the document cannot be read" in result.err


def test_crlf_documents_are_read(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder(
        skill=SKILL.replace("\n", "\r\n"), examples=EXAMPLES.replace("\n", "\r\n")
    )

    assert folder.run("extract").code == 0
    assert folder.read("examples/backend/__init__.py") == '"""The app."""\n'


def test_fences_in_lists_and_quotes_and_of_tildes_are_classed(
    make_folder: Callable[..., Folder],
) -> None:
    folder = make_folder(
        reference=(
            "# R\n\n1.  In a list\n\n    ```python\n    assert True\n    ```\n\n"
            "> ```python\n> assert True\n> ```\n\n~~~python\nassert True\n~~~\n\n"
            '````python\n"""\n```python\nnested\n```\n"""\n````\n'
        )
    )

    result = folder.run("prove", "reference.md")

    assert result.code == 0, result.text
    assert "4 proven, 0 failed" in result.out
