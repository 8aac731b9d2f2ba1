"""When the skill applies: its triggers, weighed against a prompt and files.

The triggers are SKILL.md's frontmatter, and the errors and public names that the
indexes of reference.md list. What speaks for the skill counts up, what speaks for
something else counts down; from ``THRESHOLD`` on the skill applies.

The hooks run this on each turn of an agent: it imports little, compiles few patterns,
and runs on any Python from 3.9.
"""

from __future__ import annotations

from typing import NamedTuple

from fastapi_patterns.activation import files, prompts
from fastapi_patterns.activation.evidence import (
    AIM,
    FOREIGN,
    FOREIGN_ASIDE,
    WORD,
    Evidence,
    total,
)
from fastapi_patterns.activation.triggers import OTHER_FRAMEWORKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fastapi_patterns.activation.files import File
    from fastapi_patterns.activation.triggers import Triggers

THRESHOLD = 1.5
"""The score from which on the skill applies."""

NEUTRAL = ("word", "context", "task", "route", "status")
"""What any web framework's developers say: it counts unless another one is named."""


class Match(NamedTuple):
    """Whether the skill applies, and why.

    Attributes:
        applies: Whether it does.
        score: The sum of the weights.
        evidence: What was found.
        instead: The skill to use where this one is not for it, or None.
    """

    applies: bool
    score: float
    evidence: tuple[Evidence, ...]
    instead: str | None


def match(
    triggers: Triggers,
    prompt: str = "",
    about: Iterable[File] = (),
    project: Evidence | None = None,
) -> Match:
    """Weigh a prompt and the files that it is about.

    Args:
        triggers: What the frontmatter says.
        prompt: What a user asks; of a long one its beginning and its end.
        about: The files that it is about.
        project: What the project depends on, as ``projects.weigh`` finds it.
    """
    given, prompt = list(about), prompts.ends(prompt)
    mentioned = [
        files.weigh_path(triggers, name)
        for name in prompts.files_in(prompt)
        if files.is_told_by_its_ending(name)  # and is no attribute in pasted code
        and not any(file.path.endswith(name) for file in given)
    ]
    said = list(prompts.weigh(triggers, prompt))
    read = [
        *files.decisive([files.weigh(triggers, file) for file in given]),
        *files.decisive(mentioned),
    ]
    evidence = list(_weighed(said, read))
    if project and (project.weight < 0 or any(e.weight >= WORD for e in evidence)):
        evidence.append(project)
    score = total(evidence)
    against = [e.kind[len("not-for-") :] for e in evidence if e.weight < 0]
    skills = [skill for skill, _ in triggers.skills]
    instead = next((kind for kind in against if kind in skills), None)
    return Match(score >= THRESHOLD, score, tuple(evidence), instead)


def _weighed(said: list[Evidence], read: list[Evidence]) -> Iterator[Evidence]:
    """Leave out what does not count beside the rest."""
    named = max((e.weight for e in said if e.kind == "keyword"), default=0)
    written = any(e.kind == "code" for e in said)
    others = any(e.kind == OTHER_FRAMEWORKS for e in said) or any(
        e.weight < 0 for e in read
    )
    context = [e for e in said if e.kind == "context"]
    if not any(e.weight > 0 for e in (*said, *read) if e not in context):
        said = [e for e in said if e not in context[2:]]  # they do not do alone
    for evidence in said:
        if evidence.kind == "not-for-other":
            if not written:  # whoever writes our identifiers asks about them
                yield evidence
        elif named and evidence.weight == FOREIGN:
            yield evidence._replace(weight=FOREIGN_ASIDE)
        elif not (evidence.kind in NEUTRAL and others and not named):
            yield evidence
    for evidence in read:
        # One that shall become ours is somebody else's until then.
        if evidence.weight > 0 or named < AIM:
            yield evidence


def explain(found: Match, files: Iterable[File]) -> Iterator[str]:
    """Say in lines why the skill applies, or why not."""
    verdict = "applies" if found.applies else "does not apply"
    yield f"{verdict} (score {found.score:g}, from {THRESHOLD:g} on it applies)"
    for evidence in sorted(found.evidence, key=lambda e: -e.weight):
        what = f"{evidence.kind} {evidence.trigger}"
        where = (
            f" in {evidence.file}"
            if evidence.file not in (None, evidence.found)
            else ""
        )
        yield f"{evidence.weight:+g}  {what}: {evidence.found}{where}"
    for file in files:
        if file.text is None:
            yield f"not read: {file.path}; it is judged by its path"
    if found.instead and not found.applies:
        yield f"use the skill {found.instead} instead"


def as_json(found: Match, files: Iterable[File]) -> dict[str, object]:
    """Give the match as JSON has it."""
    return {
        "applies": found.applies,
        "score": found.score,
        "threshold": THRESHOLD,
        "triggers": [e._asdict() for e in found.evidence if e.weight > 0],
        "against": [e._asdict() for e in found.evidence if e.weight < 0],
        "instead": None if found.applies else found.instead,
        "files": [{"path": f.path, "read": f.text is not None} for f in files],
    }
