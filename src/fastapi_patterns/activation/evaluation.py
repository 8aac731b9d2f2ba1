"""How well the triggers tell what the skill is for, and the topics which section fits.

Both are measured on labelled cases, in two halves.

The triggers were tuned on the cases of the train half only. Those held out
were written by others, after, and looked at as a number.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from fastapi_patterns import skill_folder
from fastapi_patterns.activation import matching, topics, triggers
from fastapi_patterns.activation.files import File
from fastapi_patterns.activation.triggers import Triggers
from fastapi_patterns.bundle import Bundle

FOLDER = "evals"
CASES, SECTIONS, SCORES = "cases", "sections.json", "scores.json"
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


@dataclass(frozen=True, slots=True)
class SectionScore:
    """How often the section that fits was named.

    Attributes:
        half: Whose cases these are.
        cases: How many there are.
        first: For how many the first that was named is one that the label accepts.
        either: For how many one of the two at most that were named is.
    """

    half: str
    cases: int
    first: int
    either: int

    @property
    def figures(self) -> dict[str, float]:
        """What is recorded of it."""
        return {
            "first": round(self.first / self.cases, 3),
            "either": round(self.either / self.cases, 3),
        }

    def __str__(self) -> str:
        """Say it in a line."""
        first, either = self.figures.values()
        return (
            f"sections, {self.half}: the first that is named fits {first:.3f}, one of "
            f"two at most {either:.3f} ({self.cases} cases)"
        )


def score_sections(found: Bundle) -> list[SectionScore]:
    """Find the sections for the labelled prompts and files, and compare."""
    reference = found.documents["reference.md"].text
    text = (found.root / FOLDER / SECTIONS).read_text(encoding="utf-8")
    return [
        _score_sections(reference, half, cases)
        for half, cases in json.loads(text).items()
    ]


def _score_sections(
    reference: str, half: str, cases: list[dict[str, Any]]
) -> SectionScore:
    first = either = 0
    for case in cases:
        given = (case.get(key, "") for key in ("prompt", "path", "text"))
        fitting = topics.find(reference, *given)
        right = [topic.title in case["sections"] for topic in fitting]
        first += right[:1] == [True]
        either += any(right)
    return SectionScore(half, len(cases), first, either)


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


Figures = dict[str, dict[str, dict[str, float]]]


def figures(scores: list[Score], sections: list[SectionScore]) -> Figures:
    """Give what is recorded of the scores."""
    return {
        "triggers": {score.half: score.figures for score in scores},
        "sections": {score.half: score.figures for score in sections},
    }


def recorded(root: Path) -> Figures:
    """Give the scores as they were last written."""
    text = (root / FOLDER / SCORES).read_text(encoding="utf-8")
    scores: Figures = json.loads(text)
    return scores


def write(root: Path, scores: list[Score], sections: list[SectionScore]) -> None:
    """Write the scores, and the cases as ``claude plugin eval`` reads them."""
    text = json.dumps(figures(scores, sections), indent=1)
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
    return matching.match(known, case.query, files).applies


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
