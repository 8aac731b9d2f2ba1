"""MkDocs hook: the three documents as pages, and the files of examples/ beside them.

The documents stay where an agent and a code host read them, at the top; SKILL.md is
the site's first page, and the reference is a page for each group of its contents. How
to install it is what the README says. A link to a file of the app opens that file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from fastapi_patterns import bundle, frontmatter, sections
from fastapi_patterns.documents import NAMES, SKILL
from fastapi_patterns.extract import present_files
from fastapi_patterns.files import FOLDER
from fastapi_patterns.index import REFERENCE

START = "index.md"
INSTALL = "install.md"


@dataclass(frozen=True, slots=True)
class Part:
    """A page of the reference: the sections that its contents list as a group.

    Attributes:
        title: The group's title.
        page: The page's path in the site's source.
        anchors: Those of all headings on it.
        text: The page's Markdown.
    """

    title: str
    page: str
    anchors: tuple[str, ...]
    text: str


@cache
def parts(root: Path) -> list[Part]:
    """Split the reference by the groups of its contents."""
    found = bundle.read(root)
    document = found.documents[REFERENCE]
    by_anchor = {s.anchor: s for s in sections.read(found, REFERENCE)}
    groups = re.findall(
        r"^\*\*(.+)\*\*\n\n((?:- .+\n)+)",
        document.text.partition("\n## ")[0],
        re.MULTILINE,
    )
    made = []
    for title, contents in groups:
        listed = [by_anchor[a] for a in re.findall(r"\]\(#([\w-]+)\)", contents)]
        anchors = [
            sections.anchor(heading.text)
            for heading in document.page.headings
            if any(heading.line in section.lines for section in listed)
        ]
        body = "\n".join(section.text for section in listed)
        page = f"reference/{sections.anchor(title.partition(':')[0])}.md"
        made.append(Part(title, page, tuple(anchors), f"# {title}\n\n{body}"))
    return made


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the reference's pages below it in the navigation."""
    parts.cache_clear()  # `mkdocs serve` builds again after an edit
    pages: list[dict[str, str] | str] = [REFERENCE]
    pages += [{part.title: part.page} for part in parts(_root(config))]
    nav = config.nav or []
    for entry in nav:
        for title, target in entry.items():
            if target == REFERENCE:
                entry[title] = pages
    return config


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Serve the documents as pages, and the app's files under examples/."""
    root = _root(config)
    made = [
        File.generated(
            config, START if name == SKILL else name, abs_src_path=str(root / name)
        )
        for name in NAMES
    ]
    made += [
        File.generated(config, part.page, content=part.text) for part in parts(root)
    ]
    made.append(File.generated(config, INSTALL, content=_install(root)))
    made += [
        # As text: a browser shows a .py file only then, and never runs it.
        File.generated(config, f"{FOLDER}/{path}.txt", content=_read(root, path))
        for path in present_files(root / FOLDER)
    ]
    theme = [file for file in files if file.src_dir != config.docs_dir]
    return Files(made + theme)


def _install(root: Path) -> str:
    """Take the README's section on installing; what it links to is not on the site."""
    readme = (root / "README.md").read_text("utf-8")
    section = readme.partition("\n## Install")[2].partition("\n## ")[0]
    section = re.sub(r"\[(.+?)\]\([^)#]+\)", r"`\1`", section)
    return f"# Install{section}\n"


def _root(config: MkDocsConfig) -> Path:
    return Path(config.config_file_path).parent


def _read(root: Path, path: str) -> str:
    return (root / FOLDER / path).read_text("utf-8")


def on_page_markdown(
    markdown: str, *, page: Page, config: MkDocsConfig, files: Files
) -> str:
    """Leave out what is no page's own, and point links to where the pages are."""
    place = page.file.src_uri
    if place == START:
        source, length = frontmatter.split(markdown)
        if source is not None:
            markdown = "\n".join(markdown.split("\n")[length:])
    if place == REFERENCE:  # its sections are pages of their own
        markdown = markdown.partition("\n## ")[0] + "\n"
    up = "../" * place.count("/")
    pages = {a: part.page for part in parts(_root(config)) for a in part.anchors}

    def point(link: re.Match[str]) -> str:
        document, anchor = link["document"] or Path(place).name, link["anchor"]
        if place.startswith("reference") and not link["document"]:
            document = REFERENCE
        if document == REFERENCE and anchor in pages:
            return f"]({up}{pages[anchor]}#{anchor})"
        document = START if document == SKILL else document
        return f"]({up}{document}{f'#{anchor}' if anchor else ''})"

    names = "|".join(map(re.escape, NAMES))
    markdown = re.sub(
        rf"\]\((?P<document>{names})?(?:#(?P<anchor>[\w-]+))?\)", point, markdown
    )
    return re.sub(rf"\]\(({FOLDER}/[\w./-]+\.\w+)\)", rf"]({up}\1.txt)", markdown)
