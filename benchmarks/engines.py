r"""The engine beside others on the same blocks, in one run.

    uv run --no-default-groups --group bench \
        python benchmarks/engines.py --blocks 1000 --read-blocks 5000

Each engine reads, then runs, one generated document of FastAPI programs, in a process
of its own. CPU seconds are the process's and its children's, user and system; memory
is the largest resident set among them. Only ratios within one run mean anything.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

PROGRAM = """\
from fastapi import FastAPI
from pydantic import BaseModel


class Item(BaseModel):
    name: str
    number: int = {number}


app = FastAPI()


@app.get("/items/{{item_id}}")
async def read_item(item_id: int) -> Item:
    return Item(name=f"item {{item_id}}")


assert app.url_path_for("read_item", item_id=1) == "/items/1"
assert Item(name="a").number == {number}
"""

BARE_READ = """\
from markdown_it import MarkdownIt
text = open("reference.md").read()
blocks = [t for t in MarkdownIt("commonmark").parse(text) if t.type == "fence"]
code = [compile(block.content, "reference.md", "exec") for block in blocks]
"""

OUR_READ = """\
from pathlib import Path
from fastapi_patterns import bundle
blocks = bundle.read(Path()).blocks
"""

OUR_RUN = """\
from pathlib import Path
from fastapi_patterns import bundle, prove
found = bundle.read(Path())
assert all(proof.ok for proof in prove.prove_all(found, found.blocks, jobs=1))
"""

PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
COUNT = "--collect-only"

SYBIL = """\
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser
pytest_collect_file = Sybil([PythonCodeBlockParser()], pattern="reference.md").pytest()
"""

PYTEST_EXAMPLES = """\
import pytest
from pytest_examples import find_examples
@pytest.mark.parametrize("example", find_examples("reference.md"), ids=str)
def test_examples(example, eval_example):
    eval_example.run(example)
"""

MKTESTDOCS = """\
import pytest
from mktestdocs import grab_code_blocks
@pytest.mark.parametrize("text", grab_code_blocks(open("reference.md").read()))
def test_blocks(text):
    exec(text, {"__name__": "__main__"})
"""


@dataclass(frozen=True, slots=True)
class Case:
    """One measurement: what is run in a folder with the document."""

    engine: str
    step: str
    command: list[str]
    files: dict[str, str]


@dataclass(frozen=True, slots=True)
class Measurement:
    """What it took."""

    engine: str
    step: str
    blocks: int
    cpu_seconds: float
    megabytes: float
    ok: bool


def cases() -> list[Case]:
    python = [sys.executable, "-c"]
    ours = [*PYTEST, "reference.md"]
    markdown_docs = [
        *PYTEST,
        "-p",
        "no:fastapi-patterns",
        "--markdown-docs",
        "reference.md",
    ]
    others = [*PYTEST, "-p", "no:fastapi-patterns"]
    both: tuple[tuple[str, list[str]], ...] = (("read", [COUNT]), ("run", []))
    found = [
        Case("bare parser and compile()", "read", [*python, BARE_READ], {}),
        Case("fastapi-patterns", "read", [*python, OUR_READ], {}),
        Case("exec() in one warm process", "run", [*python, _bare_run()], {}),
        Case("fastapi-patterns prove", "run", [*python, OUR_RUN], {}),
    ]
    for step, options in both:
        found += [
            Case("fastapi-patterns in pytest", step, [*ours, *options], {}),
            Case("sybil", step, [*others, *options], {"conftest.py": SYBIL}),
            Case(
                "pytest-examples",
                step,
                [*others, *options, "test_it.py"],
                {"test_it.py": PYTEST_EXAMPLES},
            ),
            Case("pytest-markdown-docs", step, [*markdown_docs, *options], {}),
            Case(
                "mktestdocs",
                step,
                [*others, *options, "test_it.py"],
                {"test_it.py": MKTESTDOCS},
            ),
        ]
    return found


def _bare_run() -> str:
    return BARE_READ + "for each in code: exec(each, {'__name__': '__main__'})\n"


def measure(case: Case, blocks: int) -> Measurement:
    with tempfile.TemporaryDirectory() as folder:
        _write_document(Path(folder), blocks)
        for name, text in case.files.items():
            Path(folder, name).write_text(text)
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            done = subprocess.run(
                case.command, cwd=folder, capture_output=True, check=False, timeout=1800
            )
            used = resource.getrusage(resource.RUSAGE_CHILDREN)
            seconds = used.ru_utime + used.ru_stime
            answer = [seconds, used.ru_maxrss / 1024, done.returncode == 0]
            os.write(write, json.dumps(answer).encode())
            os._exit(0)
        os.waitpid(child, 0)
        os.close(write)
        with os.fdopen(read) as answers:
            seconds, megabytes, ok = json.load(answers)
    return Measurement(case.engine, case.step, blocks, seconds, megabytes, ok)


def _write_document(folder: Path, blocks: int) -> None:
    parts = ["# Reference\n"]
    for number in range(blocks):
        text = PROGRAM.format(number=number)
        parts.append(
            f"## Section {number}\n\nProse with `code`.\n\n```python\n{text}```\n"
        )
    (folder / "reference.md").write_text("\n".join(parts))
    (folder / "examples.md").write_text("# Examples\n")
    (folder / "SKILL.md").write_text("---\nname: a\ndescription: b\n---\n# Skill\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", type=int, default=1000, help="how many to run")
    parser.add_argument(
        "--read-blocks", type=int, default=5000, help="how many to read"
    )
    parser.add_argument("--json", type=Path, help="write the measurements here too")
    arguments = parser.parse_args()
    counts = {"read": arguments.read_blocks, "run": arguments.blocks}

    began = time.strftime("%Y-%m-%d")
    found = [
        measure(case, counts[case.step])
        for case in track(cases(), "measuring", console=Console(stderr=True))
    ]
    for step, base in (
        ("read", "bare parser and compile()"),
        ("run", "exec() in one warm process"),
    ):
        rows = [m for m in found if m.step == step]
        first = next(m for m in rows if m.engine == base).cpu_seconds
        table = Table(title=f"{step} {counts[step]} blocks, {began}")
        for name in ("engine", "CPU s", "ratio", "ms a block more", "MB", "all well"):
            table.add_column(name, justify="left" if name == "engine" else "right")
        for row in rows:
            more = 1000 * (row.cpu_seconds - first) / row.blocks
            table.add_row(
                row.engine,
                f"{row.cpu_seconds:.2f}",
                f"{row.cpu_seconds / first:.2f}",
                f"{more:.1f}",
                f"{row.megabytes:.0f}",
                "yes" if row.ok else "no",
            )
        Console().print(table)
    if arguments.json:
        arguments.json.write_text(
            json.dumps([asdict(m) for m in found], indent=1) + "\n"
        )


if __name__ == "__main__":
    main()
