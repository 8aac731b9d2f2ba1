"""The skill as a folder: the bundle, its zip, and what the wheel carries."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from fastapi_patterns import bundle, skill_folder
from fastapi_patterns.documents import NAMES
from tests.conftest import ROOT, Folder

NAME = "fastapi-patterns"
MEGABYTE = 1_048_576


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    result = Folder(ROOT).run("bundle", "--out", str(folder))
    assert result.code == 0, result.text
    return folder


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


class TestBundle:
    """`fastapi-patterns bundle`."""

    def test_it_holds_the_skill_and_nothing_else(self, built: Path) -> None:
        made = tree(built / NAME)
        documents = {"SKILL.md", "reference.md", "examples.md", "LICENSE"}
        examples = {f"examples/{path}" for path in bundle.read(ROOT).files}
        assert set(made) == documents | examples
        for name, data in made.items():
            assert data == (ROOT / name).read_bytes(), name

    def test_what_lies_about_does_not_get_into_it(
        self, make_folder: Callable[..., Folder], tmp_path: Path
    ) -> None:
        folder = make_folder()
        folder.write("LICENSE", "MIT")
        folder.write(".env", "SECRET=1")
        for name in ("examples", "examples/__pycache__", "tests", ".git"):
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / "stray.pyc").write_bytes(b"x")
            (tmp_path / name / ".env").write_bytes(b"x")
        result = folder.run("bundle", "--out", str(tmp_path / "dist"))
        assert result.code == 0, result.text
        assert set(tree(tmp_path / "dist" / NAME)) == {
            *("SKILL.md", "reference.md", "examples.md", "LICENSE"),
            "examples/backend/__init__.py",
        }

    def test_its_zip_holds_the_folder(self, built: Path) -> None:
        with zipfile.ZipFile(built / f"{NAME}.zip") as zipped:
            assert zipped.testzip() is None
            there = {name: zipped.read(name) for name in zipped.namelist()}
        assert there == {f"{NAME}/{k}": v for k, v in tree(built / NAME).items()}

    def test_the_zip_is_the_same_byte_for_byte(
        self, built: Path, tmp_path: Path
    ) -> None:
        made = Folder(ROOT).process("bundle", "--out", str(tmp_path))
        assert made.code == 0, made.text
        there = (tmp_path / f"{NAME}.zip").read_bytes()
        assert there == (built / f"{NAME}.zip").read_bytes()

    def test_the_order_of_files_does_not_matter(self) -> None:
        contents = {"b": b"2", "a": b"1"}
        again = dict(reversed(contents.items()))
        made = skill_folder.archive(contents)
        assert made == skill_folder.archive(again)
        with zipfile.ZipFile(io.BytesIO(made)) as zipped:
            assert {info.date_time for info in zipped.infolist()} == {
                (1980, 1, 1, 0, 0, 0)
            }

    def test_no_file_is_larger_than_validators_take(self, built: Path) -> None:
        sizes = {name: len(data) for name, data in tree(built / NAME).items()}
        assert max(sizes.values()) < MEGABYTE, sizes

    def test_an_older_bundle_is_replaced(self, tmp_path: Path) -> None:
        for _ in range(2):
            assert Folder(ROOT).run("bundle", "--out", str(tmp_path)).code == 0
            (tmp_path / NAME / "old.md").write_text("old")
        assert Folder(ROOT).run("bundle", "--out", str(tmp_path)).code == 0
        assert not (tmp_path / NAME / "old.md").exists()
        assert {p.name for p in tmp_path.iterdir()} == {NAME, f"{NAME}.zip"}

    @pytest.mark.parametrize("what", ["folder", "file", "link"])
    def test_something_else_in_its_place_is_left(
        self, tmp_path: Path, what: str
    ) -> None:
        place = tmp_path / "dist" / NAME
        place.parent.mkdir()
        if what == "folder":
            place.mkdir()
            (place / "thesis.md").write_text("mine")
        elif what == "file":
            place.write_text("mine")
        else:
            (tmp_path / "elsewhere").mkdir()
            place.symlink_to(tmp_path / "elsewhere")
        before = Folder(tmp_path).snapshot()
        result = Folder(ROOT).run("bundle", "--out", str(tmp_path / "dist"))
        assert result.code == 1
        assert "move it away" in result.err
        assert Folder(tmp_path).snapshot() == before


@pytest.fixture(scope="module")
def littered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in which somebody worked on the app."""
    folder = tmp_path_factory.mktemp("checkout")
    parts = ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", ".gitignore")
    for name in (*parts, *NAMES):
        shutil.copy(ROOT / name, folder / name)
    unwanted = shutil.ignore_patterns("__pycache__", ".*")
    for name in ("src", "examples"):
        shutil.copytree(ROOT / name, folder / name, ignore=unwanted)
    backend = folder / "examples" / "backend"
    for name in (".env", "dev.db", "scratch.py", "old.log", "tests/.hypothesis/a"):
        (backend / name).parent.mkdir(exist_ok=True)
        (backend / name).write_text("SECRET=1")
    return folder


@pytest.fixture(scope="module", params=["wheel", "sdist, then wheel"])
def wheel(
    request: pytest.FixtureRequest,
    littered: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The wheel, built straight or from the source distribution, unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    straight = ["--wheel"] if request.param == "wheel" else []
    subprocess.run(
        [sys.executable, "-m", "uv", "build", *straight, "-o", folder, littered],
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as zipped:
        zipped.extractall(folder / "there")
    return folder / "there"


class TestWheel:
    """What `pip install` brings."""

    def test_it_carries_the_bundle(self, wheel: Path, built: Path) -> None:
        skill = wheel / "fastapi_patterns" / skill_folder.IN_WHEEL
        assert tree(skill) == tree(built / NAME)
        assert not list(wheel.rglob("__pycache__"))
        assert {path.name for path in wheel.iterdir()} == {
            "fastapi_patterns",
            *(path.name for path in wheel.glob("fastapi_patterns-*.dist-info")),
        }

    def test_it_installs_without_the_repository(
        self, wheel: Path, built: Path, tmp_path: Path
    ) -> None:
        def ours(*arguments: str) -> str:
            return subprocess.run(
                [sys.executable, "-m", "fastapi_patterns", *arguments],
                cwd=tmp_path,
                env={
                    **os.environ,
                    "PYTHONPATH": str(wheel),
                    "HOME": str(tmp_path / "h"),
                },
                check=True,
                capture_output=True,
                text=True,
            ).stdout

        stray = wheel / "fastapi_patterns" / skill_folder.IN_WHEEL / "examples" / ".env"
        stray.write_text("SECRET=1")
        ours("install", "-c", "claude")
        stray.unlink()
        skill = tmp_path / ".claude" / "skills" / NAME
        assert tree(skill) == tree(built / NAME)
        ours("install", "--link")
        assert skill.resolve().is_relative_to(wheel.resolve())
        assert "applies" in ours("match", "a FastAPI route")
        ours("uninstall")
        assert not (tmp_path / ".claude").exists()


class TestPlugin:
    """The repository's manifests say what the project says."""

    def test_the_version_is_the_projects(self) -> None:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        plugin = json.loads((ROOT / ".claude-plugin" / "plugin.json").read_text())
        assert plugin["version"] == project["version"]
        assert plugin["license"] == project["license"]
        assert plugin["name"] == project["name"] == NAME

    def test_the_marketplace_offers_the_plugin(self) -> None:
        folder = ROOT / ".claude-plugin"
        market = json.loads((folder / "marketplace.json").read_text())
        assert [(p["name"], p["source"]) for p in market["plugins"]] == [(NAME, "./")]

    def test_no_folder_hides_the_skill_at_the_root(self) -> None:
        assert not (ROOT / "skills").exists()
