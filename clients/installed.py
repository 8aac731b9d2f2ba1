"""Install the clients from their registries, each in a folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock

HERE = Path(__file__).parent
FOLDER = HERE / ".installed"
VERSIONS = tomllib.loads((HERE / "versions.toml").read_text(encoding="utf-8"))
SECONDS = 300
"""How long an installation may take."""


class NotInstallableError(RuntimeError):
    """A client cannot be had on this machine; the message says why."""


@dataclass
class Commands:
    """The clients' commands, installed as they are asked for.

    Attributes:
        missing: Those that could not be installed, with the reason.
    """

    missing: dict[str, str] = field(default_factory=dict)

    def path(self, name: str) -> Path:
        """Give a client's command.

        Raises:
            NotInstallableError: It cannot be installed here.
        """
        if name in self.missing:
            raise NotInstallableError(self.missing[name])
        FOLDER.mkdir(exist_ok=True)
        try:
            with FileLock(FOLDER / f"{name}.lock"):  # tests run side by side
                known = name in VERSIONS["pypi"]
                return self._python(name) if known else self._npm(name)
        except (subprocess.SubprocessError, OSError) as error:
            said = getattr(error, "stderr", None) or str(error)
            self.missing[name] = f"{name} cannot be installed: {said.strip()[-600:]}"
            raise NotInstallableError(self.missing[name]) from error

    def environment(self, home: Path, **more: str) -> dict[str, str]:
        """Give what a client runs with: a home of its own, and Node 24 first."""
        node = self.path("node")
        kept = {k: v for k, v in os.environ.items() if k in ("LANG", "TMPDIR")}
        return {
            **kept,
            "HOME": str(home),
            "PATH": f"{node.parent}{os.pathsep}{os.environ['PATH']}",
            "DISABLE_TELEMETRY": "1",
            "GEMINI_CLI_TRUST_WORKSPACE": "true",
            **more,
        }

    def _npm(self, name: str) -> Path:
        package, version = VERSIONS["npm"][name]
        folder = FOLDER / name
        command = folder / "node_modules" / ".bin" / name
        wanted = {
            "private": True,
            "dependencies": {package: _chosen(version, "latest")},
            "allowScripts": {package: True},
        }
        if _is_installed(folder, command, wanted):
            return command
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text(json.dumps(wanted))
        path = os.environ["PATH"]
        if name != "node":  # npm chooses what fits the Node that it runs on
            path = f"{self.path('node').parent}{os.pathsep}{path}"
        _run(
            *("npm", "install", "--no-audit", "--no-fund", "--no-package-lock"),
            cwd=folder,
            env={**os.environ, "PATH": path},
        )
        _note(folder, wanted)
        return command

    def _python(self, name: str) -> Path:
        package, version = VERSIONS["pypi"][name]
        folder = FOLDER / name
        command = folder / "bin" / name
        chosen = _chosen(version, "")
        wanted = {"package": f"{package}=={chosen}" if chosen else package}
        if not _is_installed(folder, command, wanted):
            uv = (sys.executable, "-m", "uv")
            _run(*uv, "venv", "--quiet", "--clear", "-p", sys.executable, str(folder))
            python = str(folder / "bin" / "python")
            _run(*uv, "pip", "install", "--quiet", "-p", python, wanted["package"])
            _note(folder, wanted)
        return command


def _chosen(version: str, newest: str) -> str:
    return newest if os.environ.get("CLIENTS") == "newest" else version


def _is_installed(folder: Path, command: Path, wanted: object) -> bool:
    note = folder / "installed.json"
    return command.exists() and note.exists() and json.loads(note.read_text()) == wanted


def _note(folder: Path, wanted: object) -> None:
    (folder / "installed.json").write_text(json.dumps(wanted))


def _run(
    *command: str, cwd: Path | None = None, env: dict[str, str] | None = None
) -> None:
    print(f"installing: {' '.join(command)}", file=sys.stderr, flush=True)
    subprocess.run(
        command,
        cwd=cwd,
        env=env,
        check=True,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
