"""Console blocks: run against the served app, compared, and written back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conftest import Folder

APP = '''\
# Examples

```python title="backend/main.py"
from fastapi import FastAPI

app = FastAPI()


@app.get("/api/v1/health/ready")
async def ready() -> dict[str, str]:
    return {"status": "ok"}


@app.get("/numbers/{number}")
async def read(number: int) -> dict[str, int]:
    return {"number": number, "twice": 2 * number}
```

```python title="backend/__init__.py"
"""The app."""
```
'''

SESSION = """\
# R

```console
$ API=http://127.0.0.1:8000
$ curl -s $API/numbers/2
{"number":2,"twice":4}
$ curl -s \\
> $API/numbers/3
{"number":3,...}
$ echo $API
http://127.0.0.1:8000
$ printf 'one\\ntwo\\nthree\\n'
one
...
three
```
"""


@pytest.fixture
def folder(make_folder: Callable[..., Folder]) -> Folder:
    folder = make_folder(reference=SESSION, examples=APP)
    assert folder.run("extract").code == 0
    return folder


def test_a_session_prints_what_the_document_says(folder: Folder) -> None:
    result = folder.run("prove", "reference.md")

    assert result.code == 0, result.text


def test_other_output_is_shown_and_can_be_written_back(folder: Folder) -> None:
    folder.edit("reference.md", '"twice":4', '"twice":5')

    result = folder.run("prove", "reference.md")
    assert result.code == 1
    assert "$ curl -s $API/numbers/2\nprinted\n" in result.err
    assert '{"number":2,"twice":4}\nwhere the document says' in result.err

    result = folder.run("prove", "reference.md", "--update")
    assert result.code == 0, result.text
    assert "wrote the output of reference.md:3" in result.out
    assert folder.read("reference.md") == SESSION


def test_an_app_that_does_not_start_is_told(folder: Folder) -> None:
    folder.edit(
        "examples.md", "app = FastAPI()", "app = FastAPI()\nraise ValueError(1)"
    )
    folder.run("extract")

    result = folder.run("prove", "reference.md")

    assert result.code == 1
    assert "the app did not start" in result.err
    assert "ValueError: 1" in result.err


def test_a_session_without_a_command_is_told(folder: Folder) -> None:
    folder.write("reference.md", "# R\n\n```console\nhello\n```\n")

    result = folder.run("prove", "reference.md")

    assert result.code == 1
    assert "begins with a command" in result.err


def test_a_shell_that_ends_early_is_told(folder: Folder) -> None:
    folder.write("reference.md", "# R\n\n```console\n$ exit 0\n$ false\n```\n")

    result = folder.run("prove", "reference.md")

    assert result.code == 1
    assert "the shell ended" in result.err


def test_output_that_looks_like_a_command_is_not_written_back(folder: Folder) -> None:
    text = "# R\n\n```console\n$ printf '$ rm x\\n'\n```\n"
    folder.write("reference.md", text)

    result = folder.run("prove", "reference.md", "--update")

    assert result.code == 1
    assert "looks like a command" in result.err
    assert folder.read("reference.md") == text
