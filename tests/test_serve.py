"""serve: what a person sees who runs the README's first command."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, sync_playwright

from fastapi_patterns.served import free_port
from tests.app import PASSWORD
from tests.conftest import ROOT

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")


@dataclass(frozen=True)
class Served:
    """The command, running, with what it printed until it was ready."""

    process: subprocess.Popen[str]
    address: str
    printed: str


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    port = str(free_port())
    command = [sys.executable, "-m", "fastapi_patterns", "serve", "--port", port]
    process = subprocess.Popen(
        [*command, "--root", str(ROOT), "--database", str(tmp_path / "app.db")],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    printed = ""
    for line in process.stdout:
        printed += line
        if "Application startup complete" in line:
            break
    try:
        yield Served(process, f"http://127.0.0.1:{port}", printed)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_it_says_what_to_open_and_how_to_stop(served: Served) -> None:
    assert f"{served.address}/docs" in served.printed
    assert "Ctrl+C" in served.printed
    assert httpx.get(f"{served.address}/docs").status_code == 200
    start = httpx.get(served.address, follow_redirects=True)
    assert str(start.url) == f"{served.address}/docs"

    served.process.send_signal(signal.SIGINT)

    assert served.process.wait() in (0, 130, -signal.SIGINT)


def test_a_taken_port_is_told_in_a_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "fastapi_patterns", "serve", "--port", port],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def page() -> Iterator[Page]:
    if CHROMIUM is None:
        pytest.skip("needs a Chromium: apt-get install chromium, or set CHROMIUM")
    flags = ["--no-sandbox", "--disable-background-networking", "--disable-sync"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser.new_page(viewport={"width": 1280, "height": 1600})
        browser.close()


def call(page: Page, operation: str, body: object | None = None, **path: str) -> str:
    """Try an operation of the API page out; give its answer's text."""
    block = page.locator(f'[id$="-{operation}"]')
    block.locator(".opblock-summary-control").first.click()
    try_out = block.locator(".try-out__btn")
    if "cancel" not in (try_out.get_attribute("class") or ""):
        try_out.click()
    for name, value in path.items():
        block.locator(f'tr[data-param-name="{name}"] input').fill(value)
    if body is not None:
        block.locator("textarea.body-param__text").fill(json.dumps(body))
    block.locator(".execute").click()
    answer = block.locator(".live-responses-table .highlight-code")
    answer.first.wait_for()
    return answer.first.inner_text()


def test_a_person_signs_up_makes_an_agent_and_sees_its_events(
    served: Served, page: Page, tmp_path: Path
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{served.address}/docs")
    page.locator(".opblock").first.wait_for()

    call(page, "register", {"email": "ada@example.com", "password": PASSWORD})
    page.locator(".auth-wrapper .authorize").first.click()
    form = page.locator(".auth-container")
    form.locator("input[name=username], #oauth_username").first.fill("ada@example.com")
    form.locator("input[type=password]").first.fill(PASSWORD)
    form.locator("button.authorize").first.click()
    page.locator(".auth-container button", has_text="Logout").first.wait_for()
    page.locator(".btn-done, .close-modal").first.click()
    agent = call(page, "create_agent", {"name": "Ada", "model_name": "claude-x"})
    number = re.search(r'"id":\s*(\d+)', agent)
    assert number, agent
    run = call(page, "create_execution", {"input": "hello world"}, agent_id=number[1])
    execution = re.search(r'"id":\s*(\d+)', run)
    assert execution, run
    events = call(page, "list_events", execution_id=execution[1])
    while "execution.succeeded" not in events:
        page.wait_for_timeout(200)
        block = page.locator('[id$="-list_events"]')
        block.locator(".execute").click()
        events = block.locator(
            ".live-responses-table .highlight-code"
        ).first.inner_text()
    page.screenshot(path=tmp_path / "api-page.png")

    assert '"sequence": 1' in events
    assert [url for url in asked if not url.startswith((served.address, "data:"))] == []
