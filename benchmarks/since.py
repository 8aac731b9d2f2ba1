"""Prove every version that the documents state, at its boundary.

    uv run python benchmarks/since.py
    uv run python benchmarks/since.py --only "fastapi 0.135" --only "starlette 1.0"

For each release that a ``since`` or ``until`` names, two throwaway environments are
made: one with the release just before it, one with the release itself. The blocks that
name it are proven in both: the engine shows a block to hold where it should, and not
to hold where it should not. The result is written to benchmarks/since.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import track

from fastapi_patterns import bundle
from fastapi_patterns.versions import Bound

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "benchmarks" / "since.json"
EXTRAS = {"sqlalchemy": "sqlalchemy[asyncio]"}


@dataclass(frozen=True, slots=True)
class Boundary:
    """What was shown at one release: the version before it, and each block's proof."""

    bound: str
    before: str
    blocks: list[str]
    proven: bool
    failure: str


def bounds() -> dict[Bound, list[str]]:
    """Give every release that a block names, with the places of those blocks."""
    named: dict[Bound, list[str]] = {}
    for block in bundle.read(ROOT).blocks:
        for bound in filter(None, (block.since, block.until)):
            named.setdefault(bound, []).append(block.location)
    return dict(
        sorted(named.items(), key=lambda item: (item[0].package, item[0].version))
    )


def prove(bound: Bound, places: list[str]) -> Boundary:
    """Prove the blocks with the release before the bound, and with the bound's own."""
    name = EXTRAS.get(bound.package, bound.package)
    before, failures = "", []
    for requirement in (f"{name}<{bound.version}", f"{name}=={bound.version}"):
        with tempfile.TemporaryDirectory(prefix="since-") as folder:
            versions, failure = _prove_with(requirement, places, Path(folder))
        before = before or versions.get(bound.package, "")
        if failure:
            failures.append(f"{requirement}: {failure}")
    return Boundary(str(bound), before, places, not failures, "\n".join(failures))


def _prove_with(
    requirement: str, places: list[str], folder: Path
) -> tuple[dict[str, str], str]:
    environment, report = folder / "venv", folder / "report.json"
    uv = [sys.executable, "-m", "uv"]
    install = [*uv, "pip", "install", "-q", "--python", str(environment)]
    dev = ["--editable", str(ROOT), "--group", f"{ROOT}/pyproject.toml:dev"]
    commands = [
        [*uv, "venv", "-q", "--python", sys.executable, str(environment)],
        [*install, *dev, requirement],
        [
            *(str(environment / "bin" / "fastapi-patterns"), "prove", *places),
            *("--jobs", "1", "--report", str(report)),
        ],
    ]
    for command in commands:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False
        )
        if done.returncode:
            break
    failure = done.stderr[-2000:] if done.returncode else ""
    versions = json.loads(report.read_text())["versions"] if report.exists() else {}
    return versions, failure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", action="append", help='such as "fastapi 0.135"')
    parser.add_argument("--jobs", type=int, default=2, help="environments side by side")
    arguments = parser.parse_args()
    named = {
        b: p for b, p in bounds().items() if str(b) in (arguments.only or [str(b)])
    }
    console = Console(stderr=True)
    with ThreadPoolExecutor(arguments.jobs) as pool:
        shown: Iterator[Boundary] = pool.map(prove, named, named.values())
        found = list(track(shown, "proving", total=len(named), console=console))
    for boundary in found:
        if not boundary.proven:
            console.rule(f"{boundary.bound} is not the true boundary")
            console.print(boundary.failure, markup=False)
    if not arguments.only:
        RESULT.write_text(json.dumps([asdict(b) for b in found], indent=1) + "\n")
    print(f"{sum(b.proven for b in found)} of {len(found)} boundaries proven")
    sys.exit(not all(b.proven for b in found))


if __name__ == "__main__":
    main()
