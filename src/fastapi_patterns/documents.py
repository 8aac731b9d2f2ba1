"""The three documents on disk."""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from fastapi_patterns import frontmatter, markdown
from fastapi_patterns.frontmatter import Frontmatter, FrontmatterError
from fastapi_patterns.problems import Problem

SKILL = "SKILL.md"
NAMES = (SKILL, "reference.md", "examples.md")


@dataclass(frozen=True, slots=True)
class Document:
    """A document that could be read.

    Attributes:
        name: Its file name.
        path: Where it lies.
        text: Its text, line ends as line feeds.
        newline: The line end that its file uses.
        page: Its headings and fences.
        frontmatter: SKILL.md's; None in the others.
    """

    name: str
    path: Path
    text: str
    newline: str
    page: markdown.Page = field(repr=False)
    frontmatter: Frontmatter | None = None


def find_root(start: Path) -> Path:
    """Give the nearest folder at or above ``start`` that holds a document."""
    start = start.resolve()
    for folder in (start, *start.parents):
        if any((folder / name).is_file() for name in NAMES):
            return folder
    return start


def read_all(root: Path) -> tuple[list[Document], list[Problem]]:
    """Read the three documents below ``root``; what is wrong is listed, not raised."""
    documents: list[Document] = []
    problems: list[Problem] = []
    for name in NAMES:
        text = _read_text(root / name, problems)
        if text is not None:
            documents.append(_parse(root / name, text, problems))
    return documents, problems


def write(document: Document, text: str) -> None:
    """Replace a document's text on disk, in one step."""
    target = document.path.resolve()  # through a symlink
    with tempfile.TemporaryDirectory(prefix=".write-", dir=target.parent) as folder:
        staged = Path(folder, target.name)
        staged.write_bytes(text.replace("\n", document.newline).encode())
        shutil.copymode(target, staged)
        staged.replace(target)


def _read_text(path: Path, problems: list[Problem]) -> str | None:
    """Give the file's text as it is, or None with a problem said."""
    line, message, mend = 1, "", ""
    try:
        if path.exists() and not path.is_file():
            raise OSError(0, "it is no regular file")
        data = path.read_bytes()
        text = data.decode("utf-8")
    except FileNotFoundError:
        message, mend = "the document is missing", f"write {path}"
    except OSError as error:
        message = f"the document cannot be read ({error.strerror})"
        mend = "make it a readable file"
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"byte {data[error.start]:#04x} is not UTF-8"
        mend = "save the document as UTF-8"
    else:
        if not text.strip():
            message, mend = "the document is empty", "write it"
        elif text.startswith("\ufeff"):
            message = "the document begins with a byte order mark"
            mend = "save it as UTF-8 without one"
        elif "\0" in text:
            line = text.count("\n", 0, text.index("\0")) + 1
            message, mend = "there is a NUL byte", "remove it"
        elif mixed := _mixed_line_end(text):
            line, message = mixed, "the line ends otherwise than the first one does"
            mend = "save the document with one kind of line end"
        else:
            return text
    problems.append(Problem(path.name, line, message, mend))
    return None


def _mixed_line_end(text: str) -> int | None:
    """Give the first line whose end is not like the first line's, or None."""
    ends = re.findall(r"\r\n|\r|\n", text)
    for number, end in enumerate(ends, 1):
        if end == "\r" or end != ends[0]:
            return number
    return None


def _parse(path: Path, raw: str, problems: list[Problem]) -> Document:
    newline = "\r\n" if "\r\n" in raw else "\n"
    text = raw.replace("\r\n", "\n")
    fields: Frontmatter | None = None
    body = text
    try:
        source, length = frontmatter.split(text)
        if path.name == SKILL:
            if source is None:
                raise FrontmatterError(
                    1, "the frontmatter is missing", "begin the document with ---"
                )
            fields = frontmatter.parse(source)
        elif source is not None or length:
            raise FrontmatterError(
                1, f"only {SKILL} has frontmatter", "begin the document with a heading"
            )
        # Blank lines in its place keep every line number true.
        body = "\n" * length + "\n".join(text.split("\n")[length:])
    except FrontmatterError as error:
        problems.append(Problem(path.name, error.line, str(error), error.mend))
    page = markdown.read(body)
    problems += [
        Problem(path.name, oddity.line, oddity.message, oddity.mend)
        for oddity in page.oddities
    ]
    return Document(path.name, path, text, newline, page, fields)
