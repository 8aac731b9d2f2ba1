"""MkDocs hook: the three documents as pages, and the files of examples/ beside them.

The documents stay where an agent and a code host read them, at the top; SKILL.md is
the site's first page. A link to a file of the app opens that file.
"""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from fastapi_patterns import frontmatter
from fastapi_patterns.documents import NAMES, SKILL
from fastapi_patterns.extract import present_files
from fastapi_patterns.files import FOLDER

START = "index.md"


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Serve the documents as pages, and the app's files under examples/."""
    root = Path(config.config_file_path).parent
    made = [
        File.generated(
            config, START if name == SKILL else name, abs_src_path=str(root / name)
        )
        for name in NAMES
    ]
    made += [
        # As text: a browser shows a .py file only then, and never runs it.
        File.generated(config, f"{FOLDER}/{path}.txt", content=_read(root, path))
        for path in present_files(root / FOLDER)
    ]
    theme = [file for file in files if file.src_dir != config.docs_dir]
    return Files(made + theme)


def _read(root: Path, path: str) -> str:
    return (root / FOLDER / path).read_text("utf-8")


def on_page_markdown(
    markdown: str, *, page: Page, config: MkDocsConfig, files: Files
) -> str:
    """Leave the frontmatter out, and point links to where the pages are."""
    if page.file.src_uri == START:
        source, length = frontmatter.split(markdown)
        if source is not None:
            markdown = "\n".join(markdown.split("\n")[length:])
    markdown = re.sub(rf"\]\({SKILL}(#[^)]*)?\)", rf"]({START}\1)", markdown)
    return re.sub(rf"\]\(({FOLDER}/[\w./-]+\.\w+)\)", r"](\1.txt)", markdown)
