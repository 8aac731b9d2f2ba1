"""extract: examples/ becomes what the documents say, and nothing is lost."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from fastapi_patterns import bundle
from fastapi_patterns.extract import KEPT
from fastapi_patterns.files import MANIFEST
from tests.conftest import EXAMPLES, Folder

TWO_BLOCKS = (
    EXAMPLES
    + """
```python title="backend/main.py"
def one() -> int:
    return 1
```

The rest of it:

```python title="backend/main.py"
def two() -> int:
    return 2
```

```python title="backend/service.py"
class Service:
    def one(self) -> int:
        return 1
```

```python title="backend/service.py"
    def two(self) -> int:
        return 2
```

```toml title="settings.toml"
a = 1
```

```toml title="settings.toml"
b = 2
```
"""
)


def test_blocks_of_one_title_make_one_file(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder(examples=TWO_BLOCKS)

    assert folder.run("extract").code == 0

    main = "def one() -> int:\n    return 1\n\n\ndef two() -> int:\n    return 2\n"
    service = (
        "class Service:\n    def one(self) -> int:\n        return 1\n\n"
        "    def two(self) -> int:\n        return 2\n"
    )
    assert folder.read("examples/backend/main.py") == main
    assert folder.read("examples/backend/service.py") == service
    assert folder.read("examples/settings.toml") == "a = 1\n\nb = 2\n"
    assert folder.run("extract", "--check").code == 0


def test_unchanged_files_are_not_touched(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder(examples=TWO_BLOCKS)
    folder.run("extract")
    files = [p for p in (folder.path / "examples").rglob("*") if p.is_file()]
    before = {path: path.stat() for path in files}
    folder.edit(
        "examples.md",
        "return 2\n```\n\n```python title",
        "return 3\n```\n\n```python title",
    )

    folder.run("extract")

    changed = {p.name for p in files if p.stat().st_mtime_ns != before[p].st_mtime_ns}
    assert changed == {"main.py", MANIFEST}


def test_check_shows_the_drift_and_writes_nothing(
    make_folder: Callable[..., Folder],
) -> None:
    folder = make_folder(examples=TWO_BLOCKS)
    folder.run("extract")
    folder.edit("examples/backend/main.py", "return 1", "return 9")
    folder.write("examples/backend/stray.py", "x = 1\n")
    before = folder.snapshot()

    result = folder.run("extract", "--check")

    assert result.code == 1
    assert "-    return 9" in result.out
    assert "+    return 1" in result.out
    assert "backend/stray.py" in result.err
    assert folder.snapshot() == before


def test_a_file_that_no_block_makes_any_more_is_removed(
    make_folder: Callable[..., Folder],
) -> None:
    folder = make_folder(examples=TWO_BLOCKS)
    folder.run("extract")
    folder.write("examples.md", EXAMPLES)

    result = folder.run("extract")

    assert "removed examples/backend/service.py" in result.err
    left = [p.name for p in (folder.path / "examples").rglob("*") if p.is_file()]
    assert sorted(left) == [MANIFEST, "__init__.py"]
    assert not (folder.path / KEPT).exists()


def test_an_edit_is_kept_aside(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder(examples=TWO_BLOCKS)
    folder.run("extract")
    folder.edit("examples/backend/main.py", "return 1", "return 9")
    folder.write("examples/backend/stray.py", "x = 1\n")

    result = folder.run("extract")

    assert result.code == 0
    assert "kept what was edited" in result.err
    kept = {p.name: p.read_text() for p in (folder.path / ".kept").rglob("*.py")}
    assert "return 9" in kept["main.py"]
    assert kept["stray.py"] == "x = 1\n"
    assert folder.run("extract", "--check").code == 0


def test_an_edit_that_cannot_be_kept_aside_stays(
    make_folder: Callable[..., Folder],
) -> None:
    folder = make_folder(examples=TWO_BLOCKS)
    folder.run("extract")
    folder.edit("examples/backend/main.py", "return 1", "return 9")
    folder.write(KEPT, "a file where the folder would be")
    before = folder.snapshot()

    result = folder.run("extract")

    assert result.code == 1
    assert folder.snapshot() == before


def test_an_interrupted_extraction_loses_nothing(
    make_folder: Callable[..., Folder], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder(examples=TWO_BLOCKS)
    folder.run("extract")
    folder.edit("examples/backend/main.py", "return 1", "return 9")
    folder.edit("examples/backend/service.py", "return 1", "return 9")
    real = Path.replace

    def replace(source: Path, target: Path) -> Path:
        if target.name == "service.py":
            monkeypatch.setattr(Path, "replace", real)
            raise KeyboardInterrupt
        return real(source, target)

    monkeypatch.setattr(Path, "replace", replace)
    folder.run("extract")

    assert "return 9" in folder.read("examples/backend/main.py")
    assert "return 9" in folder.read("examples/backend/service.py")


def test_what_the_app_leaves_behind_stays(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    folder.run("extract")
    for name in ("app.db", "app.db-wal", ".env", "backend/__pycache__/a.pyc"):
        path = folder.path / "examples" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("data")

    assert folder.run("extract", "--check").code == 0
    folder.run("extract")
    assert (folder.path / "examples" / "app.db").exists()
    assert (folder.path / "examples" / ".env").exists()


@pytest.mark.parametrize("failing", range(1, 12))
def test_a_failing_write_leaves_everything_as_it_was(
    failing: int, make_folder: Callable[..., Folder], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder(examples=TWO_BLOCKS)
    folder.run("extract")
    folder.write("examples.md", EXAMPLES.replace("The app", "It") + _new_file())
    before = folder.snapshot()
    calls = 0
    real = Path.replace

    def replace(source: Path, target: Path) -> Path:
        nonlocal calls
        calls += 1
        if calls == failing:
            raise OSError(28, "No space left on device")
        return real(source, target)

    monkeypatch.setattr(Path, "replace", replace)
    result = folder.run("extract")

    if calls < failing:  # there are not that many steps: it went through
        assert result.code == 0
    else:
        assert result.code == 1
        assert "No space left" in result.err
        assert folder.snapshot() == before


def _new_file() -> str:
    return '\n```python title="backend/new.py"\nx = 1\n```\n'


def test_the_manifest_is_what_sha256sum_checks(
    make_folder: Callable[..., Folder],
) -> None:
    folder = make_folder(examples=TWO_BLOCKS)
    folder.run("extract")

    done = subprocess.run(
        ["sha256sum", "--check", "--strict", MANIFEST],
        cwd=folder.path / "examples",
        check=False,
    )

    assert done.returncode == 0


def test_every_line_of_a_file_knows_its_markdown_line(
    make_folder: Callable[..., Folder],
) -> None:
    folder = make_folder(examples=TWO_BLOCKS)
    lines = folder.read("examples.md").split("\n")

    for file in bundle.read(folder.path).files.values():
        for number, text in enumerate(file.text.rstrip("\n").split(os.linesep), 1):
            _, line = file.origin(number)
            assert text in ("", lines[line - 1])
