"""What a prompt says for the skill, and against it."""

from __future__ import annotations

import builtins
import re

from fastapi_patterns.activation import prose
from fastapi_patterns.activation.evidence import (
    AIM,
    CODE,
    CONTEXT,
    FOREIGN,
    FOREIGN_AIM,
    FOREIGN_CODE,
    NAMED,
    TASK,
    WORD,
    Evidence,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from fastapi_patterns.activation.triggers import Triggers

AS_WRITTEN = ("async def", "PATCH")
"""Words, not names, that are English or something else in any other spelling."""

INFLECTED = ("s", "es", "ing", "ed", "n", "d")

PROMPT_CHARACTERS = 8_000
"""How much of a prompt is weighed, half of it from its end: more is a pasted log."""

_IDENTIFIER = re.compile(r"[A-Za-z_]\w{5,}")
_CAMEL = re.compile("[a-z]+[A-Z]")
_ROUTE = re.compile(
    r"\b(?:GET|POST|PUT|PATCH|DELETE|HEAD)[ \t]+`?/[\w/{}:.-]{0,99}"
    r"|(?<!\S)`?/v\d[\w/{}:-]{0,99}"
    r"|\?\w+=[\w{}]*"
)
_STATUS = re.compile(
    r"(?<![\w.:$€-])(?:40[013469]|41[235]|42[2389]|50[0234])(?![\w.:%-])"
    r"|(?:return|respond|answer|give)\w* (?:with )?(?:an? )?20[0124]\b"
)
_TOKEN = re.compile(r"(?<![\w/.:@])@?([\w./\\-]{3,200})(?![\w(])")
_FILE_NAME = re.compile(r"[\w.-]*\w\.[A-Za-z]{1,7}")
_CLAUSE = re.compile(r"[.;!?](?:\s|$)|[\n()]")

# What stands before a name, and after it.
_TOWARDS = re.compile(
    r"(?:\b(?:to|into|in|on|using|auf|nach|vers|para)|->|→|=>) "
    r"(?:(?:a|an|the|our|new) )*[`'\"]?$",
    re.IGNORECASE,
)
_PASSED_BY = re.compile(
    r"\b(?:nothing to do with|not|don.?t touch|instead of|unlike|than|without|leave"
    r"|replac(?:e|ing)|(?:decided|compared|chose|advised) against"
    r"|(?:mov|migrat|port|switch|convert|com)\w* (?:[\w'-]+ ){0,3}from)"
    r" (?:[\w'-]+ ){0,2}[`'\"]?$",
    re.IGNORECASE,
)
_LEFT_ALONE = re.compile(
    r"[^.;\n]{0,32}\b(?:fine|already|dropped|rejected|against|gone|ignore|untouched"
    r"|not involved|other team|as it is|n.?t matter|can.?t change)\b",
    re.IGNORECASE,
)


def weigh(triggers: Triggers, prompt: str) -> Iterator[Evidence]:
    """Find the triggers in a prompt, and the names of something else."""
    split = (clause.strip() for clause in _CLAUSE.split(prompt))
    clauses = [clause for clause in dict.fromkeys(split) if clause]
    spelt = prompt.lower().replace("-", "").replace(" ", "")
    aimed = False
    for package in triggers.imports:
        if package in spelt and (found := _name(package, clauses)):
            aimed = aimed or found.weight == AIM
            yield found
    for keyword in triggers.keywords:
        written = keyword in AS_WRITTEN
        if (written or prose.is_code(keyword)) and prose.written(keyword, prompt):
            kind, weight = ("word", WORD) if written else ("code", CODE)
            yield Evidence(kind, keyword, keyword, weight)
    yield from _words(triggers, prompt)
    for name in filter(prose.is_code, dict.fromkeys(_IDENTIFIER.findall(prompt))):
        if name in triggers.names and name not in triggers.keywords:
            yield Evidence("code", name, name, CODE)
    if symptom := _symptom(triggers, prompt):
        yield symptom
    words = [re.findall(r"\w+", clause.lower()) for clause in clauses]
    for task in triggers.tasks:
        if asked := _task(task, words):
            yield Evidence("task", task, asked, TASK)
    if route := _ROUTE.search(prompt):
        yield Evidence("route", "a route", route[0], TASK if "{" in route[0] else WORD)
    if status := _STATUS.search(prompt):
        yield Evidence("status", "an HTTP status", status[0], WORD)
    said = prose.Prose(prompt)
    for word, key in triggers.foreign:
        short = len(word) < 3  # Go, the language, is no go
        named = prose.written(word, prompt) if short else said.find(word, ("s",))
        other = key == "not-for-other"
        if (
            named
            and not other
            and any(_TOWARDS.search(before) for before in said.before(named))
        ):
            yield Evidence(key, word, named, FOREIGN_AIM)
        elif named and not aimed:
            weight = FOREIGN_CODE if _CAMEL.match(word) else FOREIGN
            yield Evidence(key, word, named, weight)


def ends(prompt: str) -> str:
    """Leave out the middle of a long prompt: what is asked stands at an end of it."""
    if len(prompt) <= PROMPT_CHARACTERS:
        return prompt
    half = PROMPT_CHARACTERS // 2
    return f"{prompt[:half]}\n{prompt[-half:]}"


def files_in(prompt: str) -> Iterator[str]:
    """Give the paths that a prompt speaks of."""
    for token in dict.fromkeys(_TOKEN.findall(prompt)):
        path = token.rstrip(".")
        if _FILE_NAME.fullmatch(re.split(r"[/\\]", path)[-1]):
            yield path


def _words(triggers: Triggers, prompt: str) -> Iterator[Evidence]:
    """Find the words; one inside of a longer one does not count again."""
    said = prose.Prose(prompt)
    counted = [
        k.lower()
        for k in triggers.keywords
        if k in AS_WRITTEN and prose.written(k, prompt)
    ]
    kinds: list[tuple[str, str, float]]
    kinds = [("word", keyword, WORD) for keyword in triggers.keywords]
    kinds += [("context", keyword, CONTEXT) for keyword in triggers.context]
    for kind, keyword, weight in sorted(kinds, key=lambda k: -len(k[1])):
        if keyword in (*triggers.imports, *AS_WRITTEN) or prose.is_code(keyword):
            continue
        word = said.find(keyword, INFLECTED)
        if word and not any(f" {keyword.lower()} " in f" {long} " for long in counted):
            counted.append(keyword.lower())
            yield Evidence(kind, keyword, word, weight)


def _symptom(triggers: Triggers, prompt: str) -> Evidence | None:
    """Find the error that says the most."""
    lower = prompt.lower()
    found = [
        Evidence("symptom", message, message, _telling(message, errors, prompt))
        for message, errors in triggers.symptoms
        if len(message) > 9 and message.lower() in lower
    ]
    return max(found, key=lambda e: (e.weight, len(e.found)), default=None)


def _telling(message: str, errors: str, prompt: str) -> float:
    """Tell an error of our packages from one that any Python, or shell, may show."""
    theirs = [e for e in errors.split(", ") if e and not hasattr(builtins, e)]
    if re.search(r"[a-z][A-Z]", message) or any(e in prompt for e in theirs):
        return NAMED
    if (errors and not theirs) or len(message.split()) < 5:
        return CONTEXT
    return NAMED


def _name(package: str, clauses: Sequence[str]) -> Evidence | None:
    """Find a package's name where the work is about it, or shall use it.

    Where it is said in passing only, it is found, and counts nothing.
    """
    spelt = package.replace("fastapi", "fast[ -]?api")
    name = re.compile(rf"(?<![a-z]){spelt}(?![a-z])", re.IGNORECASE)
    passing = None
    for clause in clauses:
        places = list(name.finditer(clause))
        if not places:
            continue
        found = places[0][0]
        if any(_TOWARDS.search(clause[: at.start()]) for at in places):
            return Evidence("keyword", package, found, AIM)
        if not any(
            _PASSED_BY.search(clause[: at.start()])
            or _LEFT_ALONE.match(clause[at.end() :])
            for at in places
        ):
            return Evidence("keyword", package, found, NAMED)
        passing = Evidence("keyword", package, f"{found}, said in passing", 0)
    return passing


def _task(task: str, clauses: Iterable[Sequence[str]]) -> str:
    """Find all nouns of a task in a clause's words, in any order and number.

    One noun alone says little: then what is done with it must be there too.
    """
    words = [w.lower() for w in re.findall(r"\w{3,}", task)]
    nouns = [w for w in words if not w.endswith("ing")]
    wanted = nouns if len(nouns) > 1 else words
    stems = [re.sub("(?:ing|s)$", "", word) for word in wanted]
    for clause in clauses:
        found = [
            next((w for w in clause if w.startswith(s) and len(w) < len(s) + 4), "")
            for s in stems
        ]
        if all(found):
            return " … ".join(found)
    return ""
