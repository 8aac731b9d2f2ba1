"""The skill as a folder: the bundle, its zip, and what the wheel carries."""

from __future__ import annotations

import io
import json
import os
import re
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
from tests.conftest import EXAMPLES, ROOT, Folder

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


def test_the_wheel_is_built_with_what_it_runs_with() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    hatchling, *needed = project["build-system"]["requires"]
    runs = {re.sub(r"\[.+?\]", "", d) for d in project["project"]["dependencies"]}
    assert hatchling.startswith("hatchling")
    assert {*needed} <= runs


class TestBundle:
    """`fastapi-patterns bundle`."""

    def test_it_holds_the_skill_and_nothing_else(self, built: Path) -> None:
        made = tree(built / NAME)
        documents = {"SKILL.md", "reference.md", "examples.md", "LICENSE"}
        examples = {f"examples/{path}" for path in bundle.read(ROOT).files}
        assert tomllib.loads(made.pop("ruff.toml").decode()) == {"exclude": ["*"]}
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
            "ruff.toml",
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

    def test_line_ends_do_not_matter(
        self, make_folder: Callable[..., Folder], tmp_path: Path
    ) -> None:
        folder, zips = make_folder(), []
        folder.write("LICENSE", "MIT\n\nfree\n")
        for newline in (b"\n", b"\r\n"):
            for name in ("LICENSE", *NAMES):
                text = folder.read(name).encode()
                folder.write(name, text.replace(b"\n", newline))
            assert folder.run("bundle", "--out", str(tmp_path / "dist")).code == 0
            zips.append((tmp_path / "dist" / f"{NAME}.zip").read_bytes())
        assert zips[0] == zips[1]

    def test_an_older_bundle_is_replaced(
        self, make_folder: Callable[..., Folder], tmp_path: Path
    ) -> None:
        folder = make_folder(examples=EXAMPLES.replace("__init__", "old"))
        folder.write("LICENSE", "MIT\n")
        out = tmp_path / "dist"
        assert folder.run("bundle", "--out", str(out)).code == 0
        assert (out / NAME / "examples" / "backend" / "old.py").is_file()
        folder.write("examples.md", EXAMPLES)
        assert folder.run("bundle", "--out", str(out)).code == 0
        assert not (out / NAME / "examples" / "backend" / "old.py").exists()
        assert {p.name for p in out.iterdir()} == {NAME, f"{NAME}.zip"}

    def test_what_somebody_put_beside_it_is_left(self, tmp_path: Path) -> None:
        assert Folder(ROOT).run("bundle", "--out", str(tmp_path)).code == 0
        (tmp_path / NAME / "examples" / "notes.md").write_text("mine")
        before = Folder(tmp_path).snapshot()
        result = Folder(ROOT).run("bundle", "--out", str(tmp_path))
        assert result.code == 1
        assert "notes.md was not built: move it away" in result.err
        assert Folder(tmp_path).snapshot() == before

    def test_without_a_clone_it_asks_for_one(self, tmp_path: Path) -> None:
        result = Folder(tmp_path).ours("bundle")
        assert result.code == 1
        assert "bundle needs a clone: name it with --root" in result.err

    def test_a_project_is_linted_without_it(self, built: Path, tmp_path: Path) -> None:
        skill = tmp_path / ".claude" / "skills" / NAME
        shutil.copytree(built / NAME, skill)
        settings = '[tool.ruff]\nline-length = 40\nlint.select = ["E", "ANN", "S"]\n'
        (tmp_path / "pyproject.toml").write_text(settings)
        (tmp_path / "app.py").write_text("")
        for command in (["check"], ["format", "--check"]):
            ruff = [sys.executable, "-m", "ruff", *command, "--no-cache", "."]
            done = subprocess.run(
                ruff, cwd=tmp_path, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stdout

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


def test_a_command_takes_no_more_with_it_than_it_needs() -> None:
    asked = "import sys; from fastapi_patterns import cli; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", asked], check=True, capture_output=True, text=True
    )
    assert not {"fastapi", "starlette.testclient"} & {*done.stdout.split()}
    assert done.stderr == ""


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
