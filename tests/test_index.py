"""The indexes of reference.md, and how much of the frameworks' surface is shown."""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest
from packaging.version import Version

from fastapi_patterns import bundle, index, sections, surface
from tests.conftest import ROOT, Folder

STATED = index.measured_with(bundle.read(ROOT))
needs_newest = pytest.mark.skipif(
    Version(metadata.version("fastapi")) < Version(STATED),
    reason=f"the surface is that of FastAPI {STATED}: install that or a newer one",
)


@needs_newest
def test_all_of_the_public_surface_is_shown_or_left_out_with_a_reason() -> None:
    result = Folder(ROOT).run("index", "--check")
    print(result.out)  # the share
    assert result.code == 0, result.text


def test_the_symptom_index_has_each_symptom_once() -> None:
    found = bundle.read(ROOT)
    listed = next(
        section
        for section in sections.read(found, index.REFERENCE)
        if section.title == index.SYMPTOMS
    )
    lines = {
        text.partition("): ")[0]: text
        for text in listed.prose.values()
        if text.startswith("- ")
    }
    for section in sections.read(found, index.REFERENCE):
        line = lines.get(f"- [{section.title}](#{section.anchor}", "")
        for symptom in sections.symptoms(section):
            assert line.count(f"`{symptom.text}`") == 1, (
                f"reference.md:{symptom.line}: run fastapi-patterns index"
            )


REFERENCE = """# R

- [A](#a): x

## A

```python
{code}
```

## What is covered

| installed | public | shown | share | left out |
|---|---|---|---|---|
| fastapi 0, |

| name | reason |
|---|---|
{left_out}

## Symptom index

- none

## Index of public names

- none
"""


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the frameworks have three public names, so that a test is fast."""
    few = [("fastapi", "Query"), ("fastapi", "Request"), ("pydantic", "ConfigDict")]
    monkeypatch.setattr(surface, "_public_names", lambda: iter(few))


def measure(folder: Folder, scratch: Path) -> index.Coverage:
    (scratch / "work").mkdir()
    return index.measure(bundle.read(folder.path), scratch / "work")


@pytest.mark.usefixtures("small")
class TestMeasuring:
    """What counts as shown."""

    @pytest.mark.parametrize(
        ("code", "label"),
        [
            ("from fastapi import Query\nQuery(alias='a')", "fastapi.Query(alias)"),
            ("from fastapi import Query\nQuery(1)", "fastapi.Query(default)"),
            (
                "from fastapi import Query\nk = {'title': 'a'}\nQuery(**k)",
                "fastapi.Query(title)",
            ),
            (
                "import threading\nfrom fastapi import Query\n\n\ndef f() -> None:\n"
                "    Query(ge=1)\n\n\nthreading.Thread(target=f).start()",
                "fastapi.Query(ge)",
            ),
            (
                "import asyncio\nfrom fastapi import Request\n\n\n"
                "async def receive():\n    return {'type': 'http.request'}\n\n\n"
                "scope = {'type': 'http', 'headers': []}\n\n\nasync def f() -> None:\n"
                "    await Request(scope, receive).body()\n\n\nasyncio.run(f())",
                "fastapi.Request.body",
            ),
            (
                "from pydantic import ConfigDict\nConfigDict(strict=True)",
                "pydantic.ConfigDict[strict]",
            ),
        ],
    )
    def test_what_a_block_calls_is_shown(
        self, code: str, label: str, make_folder: Callable[..., Folder], tmp_path: Path
    ) -> None:
        folder = make_folder(reference=REFERENCE.format(code=code, left_out=""))
        coverage = measure(folder, tmp_path)
        assert label in coverage.shown
        assert "fastapi.Query(le)" in coverage.missing

    def test_what_a_block_does_not_run_is_not_shown(
        self, make_folder: Callable[..., Folder], tmp_path: Path
    ) -> None:
        code = "from fastapi import Query\nif False:\n    Query(alias='a')"
        folder = make_folder(reference=REFERENCE.format(code=code, left_out=""))
        assert "fastapi.Query(alias)" in measure(folder, tmp_path).missing

    def test_what_is_left_out_is_not_missing(
        self, make_folder: Callable[..., Folder], tmp_path: Path
    ) -> None:
        rows = "| `fastapi.Query(l*`, `gone` | no reason |"
        folder = make_folder(reference=REFERENCE.format(code="x = 1", left_out=rows))
        coverage = measure(folder, tmp_path)
        assert "fastapi.Query(le)" in coverage.left_out
        assert "fastapi.Query(le)" not in coverage.missing
        assert coverage.useless == ("gone",)
