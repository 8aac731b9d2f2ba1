"""The product's own three documents, held to what they promise."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
import tomllib
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from bpe_openai import get_encoding

from fastapi_patterns import bundle, documents, index, sections
from fastapi_patterns.blocks import Block, Kind
from fastapi_patterns.sections import Section
from fastapi_patterns.site import parts
from tests.conftest import ROOT, Folder

LINK = re.compile(r"\]\(reference\.md#(?P<anchor>[\w-]+)\)")


@cache
def product() -> bundle.Bundle:
    return bundle.read(ROOT)


@cache
def sections_of(name: str) -> dict[str, Section]:
    """Give the sections of a document, by anchor."""
    return {section.anchor: section for section in sections.read(product(), name)}


def mistakes_in(section: Section) -> str:
    """Give all that the mistakes of a section say, in code and in ``raises``."""
    return "\n".join(
        f"{block.raises or ''}\n{block.text}"
        for block in section.blocks
        if block.kind is Kind.MISTAKE
    )


class TestFences:
    """No fence is exempt."""

    @pytest.mark.parametrize("name", documents.NAMES)
    def test_every_fence_was_classed(self, name: str) -> None:
        # Counted by hand, without the parser that the engine uses.
        opened, fences = "", 0
        for line in (ROOT / name).read_text().split("\n"):
            mark = re.match(r"\s*(`{3,}|~{3,})", line)
            if mark and not opened:
                opened, fences = mark[1], fences + 1
            elif opened and line.strip() == opened:
                opened = ""

        blocks = [block for block in product().blocks if block.document == name]

        assert len(blocks) == fences
        assert fences > 0

    def test_every_block_is_an_item_that_pytest_runs(self) -> None:
        result = Folder(ROOT).pytest("--collect-only", "-q", *documents.NAMES)

        found = set(re.findall(r"^([\w.]+\.md)::(\d+)\[", result.out, re.MULTILINE))
        assert found == {(b.document, str(b.line)) for b in product().blocks}

    def test_each_kind_of_the_contract_is_used(self) -> None:
        used = Counter(block.kind for block in product().blocks)
        assert set(used) == set(Kind), used

    def test_the_sentence_before_a_file_names_its_path(self) -> None:
        # Code hosts do not show a fence's title.
        for block in product().blocks:
            if block.path is not None:
                text = product().documents[block.document].text.split("\n")
                above = "\n".join(text[max(block.line - 14, 0) : block.line - 1])
                paragraph = above.rpartition("```")[2]
                assert block.path in paragraph, block.location


class TestSkill:
    """SKILL.md is small, and each of its lines is backed."""

    text = (ROOT / "SKILL.md").read_text()

    def test_it_is_within_the_limits_of_a_skill(self) -> None:
        assert len(self.text.split("\n")) < 500
        assert len(get_encoding("o200k_base").encode(self.text)) < 5_000

    def test_the_triggers_are_flat_strings(self) -> None:
        fields = product().documents["SKILL.md"].frontmatter

        assert fields is not None
        assert fields.name == "fastapi-patterns"
        assert fields.license == "MIT"
        triggers = fields.metadata or {}
        assert {"trigger-keywords", "trigger-paths", "trigger-tasks", "not-for"} <= set(
            triggers
        )
        for word in ("fastapi", "APIRouter", "Depends", "async def", "service layer"):
            assert word in triggers["trigger-keywords"].split(", ")
        for folder in ("api", "core", "services", "models"):
            assert f"**/backend/{folder}/**/*.py" in triggers["trigger-paths"]
        for sister in ("react-enterprise", "deepagents-integration"):
            assert sister in triggers["not-for"]

    def test_there_are_ten_essential_patterns(self) -> None:
        shown = sections_of("SKILL.md")["ten-essential-patterns"].blocks
        assert len(shown) == 10
        assert {block.kind for block in shown} <= {Kind.EXCERPT, Kind.PROGRAM}

    def test_each_troubleshooting_line_is_produced_and_cured_where_it_points(
        self,
    ) -> None:
        found = list(sections.symptoms(sections_of("SKILL.md")["core-patterns"]))
        assert len(found) >= 12
        for symptom in found:
            link = LINK.search(symptom.mend)
            assert link, f"{symptom}: say where it is proven"
            there = sections_of("reference.md")[link["anchor"]]
            assert symptom.text in mistakes_in(there), symptom
            assert_has_a_mend(there)

    def test_each_line_on_what_is_new_points_at_a_program(self) -> None:
        section = sections_of("SKILL.md")["new-since-your-training"]
        bullets = [text for text in section.prose.values() if text.startswith("- ")]
        assert len(bullets) >= 15
        for text in bullets:
            version = re.match(
                r"- (?:(SQLAlchemy|Pydantic|Starlette) )?(\d+\.\d+)", text
            )
            assert version, f"{text}: say since when"
            link = LINK.search(text)
            assert link, f"{text}: say where it is proven"
            bounds = [
                f"{bound.package} {bound.version}"
                for block in sections_of("reference.md")[link["anchor"]].blocks
                for bound in (block.since, block.until)
                if bound is not None
            ]
            wanted = f"{(version[1] or 'fastapi').lower()} {version[2]}"
            assert any(bound.startswith(wanted) for bound in bounds), (text, bounds)


def assert_has_a_mend(section: Section) -> None:
    """Where a mistake is shown, what is right is shown too, as something that runs."""
    right = {Kind.PROGRAM, Kind.SINCE, Kind.EXCERPT, Kind.FILE}
    assert right & {block.kind for block in section.blocks}, section.title


class TestReference:
    """reference.md is opened a section at a time."""

    def test_the_contents_list_each_section_once(self) -> None:
        text = product().documents["reference.md"].text
        head = text.partition("\n## ")[0]
        assert re.findall(r"^- \[.+?\]\(#([\w-]+)\)", head, re.MULTILINE) == list(
            sections_of("reference.md")
        )

    def test_each_section_but_the_indexes_runs_something(self) -> None:
        idle = {s.title for s in sections_of("reference.md").values() if not s.blocks}
        assert idle == {index.COVERAGE, index.SYMPTOMS, index.NAMES}

    def test_a_section_is_short_enough_to_be_read_alone(self) -> None:
        long = {
            title: len(section.lines)
            for title, section in sections_of("reference.md").items()
            if section.blocks and len(section.lines) > 260
        }
        assert not long

    def test_a_section_that_shows_a_mistake_shows_what_is_right(self) -> None:
        for section in sections_of("reference.md").values():
            if mistakes_in(section):
                assert_has_a_mend(section)

    def test_each_symptom_is_one_that_a_mistake_of_its_section_shows(self) -> None:
        count = 0
        for section in sections_of("reference.md").values():
            proven = mistakes_in(section)
            for symptom in sections.symptoms(section):
                count += 1
                assert symptom.text in proven, (section.title, symptom)
        assert count > 80

    @pytest.mark.parametrize("name", documents.NAMES)
    def test_links_within_and_between_documents_lead_somewhere(self, name: str) -> None:
        document = product().documents[name]
        blocks = [block for block in product().blocks if block.document == name]
        lines = range(1, document.text.count("\n") + 2)
        for number, text in sections.prose(document, blocks, lines).items():
            for target in re.findall(r"\]\(([^)\s]+)\)", text):
                document, _, wanted = target.partition("#")
                place = ROOT / (document or name)
                assert place.exists(), f"{name}:{number}: {target}"
                if wanted:
                    headings = product().documents[document or name].page.headings
                    assert wanted in {sections.anchor(h.text) for h in headings}, (
                        f"{name}:{number}: {target}"
                    )


# design: each fault of the text that this product replaces is a proven mistake.
SEED_FAULTS = {
    "commit after the response": (
        "sessions-and-transactions",
        "201, then the row is gone",
    ),
    "a second commit in services": ("sessions-and-transactions", "closed transaction"),
    "int sub": ("authentication", "Subject must be a string"),
    "tokens without exp": ("authentication", "no exp: valid for ever"),
    "optional auth with auto_error": ("authentication", "optional, and still 401"),
    "Agent(**data) with tool_ids": ("services", "'tool_ids' is an invalid keyword"),
    "setattr of tool_ids": ("services", "200, and the tools are unchanged"),
    "conditions on booleans": ("queries-and-pagination", "no rows, no error"),
    "relationships after commit": ("sessions-and-transactions", "greenlet_spawn"),
    "403 reveals existence": ("authorisation", "the status tells which ids exist"),
    "None before the owner check": (
        "authorisation",
        "'NoneType' object has no attribute",
    ),
    "204 for nothing": ("services", "204 for a row that never was"),
    "list without a tie-break": (
        "queries-and-pagination",
        "the cursor skips equal rows",
    ),
    "WebSocket without auth": ("websocket", "a stranger gets the answer"),
    "one connection per id": ("websocket", "the second is connected and gets nothing"),
    "json.loads on client text": ("websocket", "Expecting value"),
    "session for the socket's life": ("websocket", "QueuePool limit of size"),
    "refuses what another strips": ("validation", "leading/trailing spaces"),
    "a blocking handler": ("routers-and-path-operations", "one request at a time"),
}


# What people most often get wrong, and the section whose mistake shows it.
PITFALLS = {
    "commit after the response": (
        "sessions-and-transactions",
        "201, then the row is gone",
    ),
    "mixed scopes of one dependency": (
        "dependency-injection",
        "two sessions in one request",
    ),
    "lazy load": ("models-and-relationships", "greenlet_spawn has not been called"),
    "expiry at commit": (
        "sessions-and-transactions",
        "greenlet_spawn has not been called",
    ),
    "one session in gather": (
        "concurrency-what-tasks-share",
        "This session is provisioning a new connection",
    ),
    "idle sockets hold sessions": ("websocket", "QueuePool limit of size"),
    "a stream holds the session": (
        "streaming-and-server-sent-events",
        '["first item", "last item", "session closed"]',
    ),
    "a task holds the transaction": ("background-work", '["task", "commit and close"]'),
    "a transaction leaks on disconnect": (
        "sessions-and-transactions",
        "a connection leaks from the pool",
    ),
    "work goes on for nobody": (
        "when-the-client-leaves",
        "the work went on for nobody",
    ),
    "BaseHTTPMiddleware loses context": ("middleware", "what the endpoint set is lost"),
    "BaseHTTPMiddleware costs tasks": (
        "performance-what-costs-what",
        "tasks for every request",
    ),
    "a context variable in a sync dependency": (
        "logging-and-request-ids",
        "set in a thread's copy",
    ),
    "hashing on the event loop": (
        "passwords-and-refresh-tokens",
        "the loop stands still for a hash",
    ),
    "no lifespan in tests": ("testing", "'State' object has no attribute"),
    "an engine of another loop": (
        "application-and-lifespan",
        "is bound to a different event loop",
    ),
    "an int subject": ("authentication", "Subject must be a string"),
    "no expiry": ("authentication", "no exp: valid for ever"),
    "optional login": ("authentication", "optional, and still 401"),
    "PATCH wipes": ("validation", "PATCH wiped the rest"),
    "a list without Query": (
        "path-query-header-and-cookie-parameters",
        'error["msg"] == "Field required"',
    ),
    "naive times": (
        "column-types-and-constraints",
        "naive datetimes, shifted by the offset",
    ),
    "names of enum members": (
        "column-types-and-constraints",
        "the member's name is stored, not its value",
    ),
    "orphans": ("sqlite", "foreign keys are off"),
    "lost updates": ("sqlite", "lost updates, no error"),
    "a lock that no timeout helps": ("sqlite", "database is locked"),
    "a session after an IntegrityError": (
        "services",
        "This Session's transaction has been rolled back",
    ),
    "a deadlock": ("retry-of-a-unit", "deadlock detected"),
    "CORS with credentials": ("middleware", "https://evil.example"),
    "a 500 without CORS headers": (
        "middleware",
        '"access-control-allow-origin" not in',
    ),
    "the Host header in redirects": (
        "routers-and-path-operations",
        "http://evil.example/agents",
    ),
    "unbounded bodies": ("streaming-uploads", "no Content-Length, no limit"),
    "the 422 repeats the input": (
        "errors-and-problem-details",
        "the password is echoed",
    ),
    "N+1": ("models-and-relationships", "one statement per row: N+1"),
    "a cursor without a tie-break": (
        "queries-and-pagination",
        "the cursor skips equal rows",
    ),
    "unknown fields": ("validation", "an unknown field was dropped without an error"),
    "send after close": (
        "websocket",
        'Cannot call "send" once a close message has been sent.',
    ),
    "sockets block the shutdown": (
        "websocket-heartbeat-resume-and-shutdown",
        "Waiting for background tasks to complete.",
    ),
    "tokens in addresses": ("api-keys", "httpx logs the URL"),
    "users told by time": (
        "passwords-and-refresh-tokens",
        "the time tells which users exist",
    ),
    "a lone surrogate": ("errors-and-problem-details", "surrogates not allowed"),
    "NaN": (
        "errors-and-problem-details",
        "Out of range float values are not JSON compliant",
    ),
}


@pytest.mark.parametrize(
    ("section", "text"),
    [*SEED_FAULTS.values(), *PITFALLS.values()],
    ids=[*SEED_FAULTS, *PITFALLS],
)
def test_each_known_fault_is_a_proven_mistake(section: str, text: str) -> None:
    there = sections_of("reference.md")[section]
    assert text in mistakes_in(there)
    assert_has_a_mend(there)


def test_the_floor_is_said_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    floors = {
        name: next(d for d in project["dependencies"] if d.startswith(name)).partition(
            ">="
        )[2]
        for name in ("fastapi", "sqlalchemy", "pydantic")
    }
    for name in ("README.md", "reference.md"):
        text = (ROOT / name).read_text()
        for version in floors.values():
            assert version in text, f"{name} does not say {version}"


def test_every_version_that_is_stated_was_proven_at_its_boundary() -> None:
    # Fifty pairs of environments take minutes: benchmarks/since.py makes them.
    shown = json.loads((ROOT / "benchmarks" / "since.json").read_text())
    proven = {boundary["bound"] for boundary in shown if boundary["proven"]}
    stated = {
        str(bound)
        for block in product().blocks
        for bound in (block.since, block.until)
        if bound is not None
    }
    assert stated == proven, "run benchmarks/since.py"


def benchmark(name: str) -> Any:
    return json.loads((ROOT / "benchmarks" / name).read_text())


def rows_of(section: str) -> list[str]:
    prose = sections_of("reference.md")[section].prose.values()
    return [text for text in prose if text.startswith("|") and "---" not in text][1:]


def test_the_costs_that_are_stated_were_measured() -> None:
    assert rows_of("performance-what-costs-what") == [
        "| {choice} | {instead} | {ratio} | {low} to {high} |".format(
            **cost, low=cost["quartiles"][0], high=cost["quartiles"][1]
        )
        for cost in benchmark("costs.json")["costs"]
    ]


def test_the_speeds_of_serialisation_that_are_stated_were_measured() -> None:
    ends = benchmark("serialisation.json")
    assert [row.replace("`", "") for row in rows_of("serialisation-and-its-cost")] == [
        f"| {variant} | "
        + " | ".join(f"{e['speeds'][variant]:.1f}" for e in ends)
        + " |"
        for variant in ends[0]["speeds"]
    ]


def test_examples_is_what_the_documents_say() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fastapi_patterns", "extract", "--check"],
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mkdocs",
            "build",
            "--strict",
            "-q",
            "-d",
            str(folder),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def pages_of(site: Path, name: str) -> list[Path]:
    """Give the pages that a document became, in its order."""
    if name == "SKILL.md":
        return [site / "index.html"]
    if name == "reference.md":
        made = parts(ROOT)
        return [site / part.page.replace(".md", ".html") for part in made]
    return [site / name.replace(".md", ".html")]


class TestSite:
    """The same documents as pages."""

    @pytest.mark.parametrize("name", documents.NAMES)
    def test_every_block_is_shown_with_its_title(self, site: Path, name: str) -> None:
        shown = "".join(page.read_text() for page in pages_of(site, name))
        blocks: list[Block] = [b for b in product().blocks if b.document == name]

        assert len(re.findall(r'<div class="[^"]*highlight"', shown)) == len(blocks)
        titles = re.findall(r'<span class="filename">(.*?)</span>', shown)
        assert list(map(html.unescape, titles)) == [b.path for b in blocks if b.path]
        assert "trigger-keywords" not in shown

    def test_files_of_the_app_are_there(self, site: Path) -> None:
        for path, file in product().files.items():
            assert (site / "examples" / f"{path}.txt").read_text() == file.text

    def test_installing_is_as_the_readme_says(self, site: Path) -> None:
        readme = (ROOT / "README.md").read_text()
        section = readme.partition("## Install the skill")[2].partition("\n## ")[0]
        shown = re.sub(r"<[^>]+>", "", (site / "install.html").read_text())
        commands = re.findall(r"`([^`\n]+)`|^\$ (.+)$", section, re.MULTILINE)
        assert commands
        for inline, line in commands:
            assert (inline or line) in html.unescape(shown)

    def test_what_a_page_fetches_is_in_the_site(self, site: Path) -> None:
        for page in site.rglob("*.html"):
            fetched = re.findall(
                r'<(?:script|link|img)[^>]+(?:src|href)="([^"#]+)"', page.read_text()
            )
            assert any(name.endswith(".css") for name in fetched)
            for name in fetched:
                start = site if name.startswith("/") else page.parent
                assert (start / name.lstrip("/")).exists(), name

    def test_a_link_to_a_section_leads_to_its_page(self, site: Path) -> None:
        for page in site.rglob("*.html"):
            for target in re.findall(r'href="([^"]+\.html#[^"]+)"', page.read_text()):
                path, _, wanted = target.partition("#")
                there = (page.parent / path).read_text()
                assert f'id="{wanted}"' in there, (page.name, target)
