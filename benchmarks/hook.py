"""What the plugin's hooks cost a turn, beside a Python that starts and does nothing.

    uv run python benchmarks/hook.py

Writes hook.json: for each event the median of its runs as a multiple of the bare start,
run in turns. The hooks are in time if a start takes less than a fiftieth of a second.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
RUNS = 40
BARE = [sys.executable, "-IS", "-c", "pass"]
HOOK = [sys.executable, "-IS", str(ROOT / "hooks" / "activate.py")]


def event(name: str, **fields: object) -> bytes:
    return json.dumps(
        {
            "hook_event_name": name,
            "session_id": os.urandom(4).hex(),
            "cwd": str(ROOT),
            **fields,
        }
    ).encode()


def write(path: str) -> bytes:
    given = {"file_path": f"/shop/{path}", "content": (ROOT / path).read_text()}
    return event("PreToolUse", tool_name="Write", tool_input=given)


EVENTS = {
    "a prompt that it is for": event(
        "UserPromptSubmit", prompt="rotate the refresh tokens of our FastAPI login"
    ),
    "a prompt that it is not for": event("UserPromptSubmit", prompt="fix the CSS"),
    "a pasted log of a megabyte": event(
        "UserPromptSubmit", prompt="log line\n" * 116_000
    ),
    "a module of code in a prompt": event(
        "UserPromptSubmit",
        prompt=f"FastAPI: {(ROOT / 'examples/backend/api/idempotency.py').read_text()}",
    ),
    "a file of an API": write("examples/backend/api/v1/agents.py"),
    "a file in another language": write("README.md"),
}


def seconds(command: list[str], data: bytes) -> float:
    start = time.perf_counter()
    subprocess.run(command, input=data, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def main() -> None:
    taken: dict[str, list[float]] = {name: [] for name in ("", *EVENTS)}
    for run in range(RUNS):
        print(f"\r{run + 1} of {RUNS}", end="", file=sys.stderr, flush=True)
        taken[""].append(seconds(BARE, b""))
        for name, data in EVENTS.items():
            taken[name].append(seconds(HOOK, data))
    bare = statistics.median(taken[""])
    found = {name: round(statistics.median(taken[name]) / bare, 2) for name in EVENTS}
    (ROOT / "benchmarks" / "hook.json").write_text(json.dumps(found, indent=1) + "\n")
    print(f"\na bare start: {bare * 1000:.0f} ms")
    for name, ratio in found.items():
        print(f"{ratio:5.2f}  {name}")


if __name__ == "__main__":
    main()
