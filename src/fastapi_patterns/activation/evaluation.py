"""How well the triggers tell what the skill is for: labelled cases, in two halves.

The triggers were tuned on the cases of ``train.json`` only. Those of ``held-out.json``
were written by others, after, and looked at as a number.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from fastapi_patterns import skill_folder
from fastapi_patterns.activation import triggers
from fastapi_patterns.activation.triggers import File, Triggers
from fastapi_patterns.bundle import Bundle

FOLDER = "evals"
CASES, SCORES = "cases", "scores.json"
HALVES = ("train", "held-out")


@dataclass(frozen=True, slots=True)
class Case:
    """What somebody asks of an agent, and whether the skill is for it.

    Attributes:
        name: Its half and number, from 1.
        query: The prompt; empty where a file alone is given.
        should_trigger: Whether the skill is for it.
        paths: The files that it is about.
        files: Their texts, as far as they are given.
        why: What the label rests on.
    """

    name: str
    query: str
    should_trigger: bool
    why: str
    paths: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)

    @property
    def prompt(self) -> str:
        """The query as a model is asked it: with the files that it is about."""
        parts = [self.query or f"Review {', '.join(self.paths)}."]
        if self.query and self.paths:
            parts.append(f"Files: {', '.join(self.paths)}")
        parts += [f"{path}:\n{text}" for path, text in self.files.items()]
        return "\n\n".join(parts)


@dataclass(frozen=True, slots=True)
class Score:
    """How a half of the cases came out.

    Attributes:
        half: Its name.
        cases: How many it has.
        right: To how many the skill applies, and is for them.
        missed: Those that the skill is for and does not apply to.
        wrong: Those that it applies to and is not for.
    """

    half: str
    cases: int
    right: int
    missed: tuple[Case, ...]
    wrong: tuple[Case, ...]

    @property
    def precision(self) -> float:
        """The part of those that it applies to which it is for."""
        return self.right / ((self.right + len(self.wrong)) or 1)

    @property
    def figures(self) -> dict[str, float]:
        """What is recorded of it."""
        rounded = {"precision": self.precision, "recall": self.recall}
        return {name: round(figure, 3) for name, figure in rounded.items()}

    def __str__(self) -> str:
        """Say it in a line."""
        return (
            f"{self.half}: precision {self.precision:.3f}, recall {self.recall:.3f} "
            f"({self.cases} cases, {len(self.wrong)} wrong, {len(self.missed)} missed)"
        )

    @property
    def recall(self) -> float:
        """The part of those that it is for which it applies to."""
        return self.right / ((self.right + len(self.missed)) or 1)


def read(root: Path, half: str) -> list[Case]:
    """Read a half of the cases below ``root``."""
    listed = json.loads((root / FOLDER / f"{half}.json").read_text(encoding="utf-8"))
    return [
        Case(
            f"{half}-{number:03}",
            case["query"],
            case["should_trigger"],
            case["why"],
            tuple(case.get("paths", ())),
            case.get("files", {}),
        )
        for number, case in enumerate(listed, 1)
    ]


def score_all(found: Bundle) -> list[Score]:
    """Match the cases of both halves by the triggers of the documents."""
    skill, reference = (found.documents[n].text for n in ("SKILL.md", "reference.md"))
    known = triggers.read(skill, reference)
    return [score(known, half, read(found.root, half)) for half in HALVES]


def recorded(root: Path) -> dict[str, dict[str, float]]:
    """Give the scores as they were last written."""
    text = (root / FOLDER / SCORES).read_text(encoding="utf-8")
    scores: dict[str, dict[str, float]] = json.loads(text)
    return scores


def write(root: Path, scores: list[Score]) -> None:
    """Write the scores, and the cases as ``claude plugin eval`` reads them."""
    text = json.dumps({s.half: s.figures for s in scores}, indent=1)
    (root / FOLDER / SCORES).write_text(f"{text}\n", encoding="utf-8")
    shutil.rmtree(root / FOLDER / CASES, ignore_errors=True)
    for half in HALVES:
        for path, document in plugin_cases(read(root, half)):
            (root / path).parent.mkdir(parents=True)
            (root / path).write_text(document, encoding="utf-8")


def score(known: Triggers, half: str, cases: list[Case]) -> Score:
    """Match each case and compare with its label."""
    applied = {case.name: _applies(known, case) for case in cases}
    ours = [case for case in cases if case.should_trigger]
    return Score(
        half,
        len(cases),
        sum(applied[case.name] for case in ours),
        tuple(case for case in ours if not applied[case.name]),
        tuple(c for c in cases if applied[c.name] and not c.should_trigger),
    )


def _applies(known: Triggers, case: Case) -> bool:
    files = [File(path, case.files.get(path)) for path in case.paths]
    return triggers.match(known, case.query, files).applies


def plugin_cases(cases: list[Case]) -> Iterator[tuple[str, str]]:
    """Give the cases as ``claude plugin eval`` reads them: a path and a text each."""
    for case in cases:
        never = {} if case.should_trigger else {"min": 0, "max": 0}
        grader = {"type": "tool_used", "name": "skill", "tool": "Skill"}
        document = {
            "schema_version": "1.0",
            "name": case.name,
            "runs": 1,
            "execution": {
                "prompt": case.prompt,
                "max_turns": 3,
                "allowed_tools": ["Skill", "Read"],
            },
            "graders": [
                {**grader, "input_match": skill_folder.NAME, "arm": "both", **never}
            ],
        }
        text = yaml.safe_dump(
            document, sort_keys=False, allow_unicode=True, width=10_000
        )
        yield f"{FOLDER}/{CASES}/{case.name}/case.yaml", text
