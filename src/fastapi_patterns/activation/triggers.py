"""When the skill applies: its triggers, weighed against a prompt and files.

The triggers are SKILL.md's frontmatter, and the errors and public names that the
indexes of reference.md list. What speaks for the skill counts up, what speaks for
something else counts down; from ``THRESHOLD`` on the skill applies.

The hooks run this on each turn of an agent: it imports little, compiles few patterns,
and runs on any Python from 3.9.
"""

from __future__ import annotations

import builtins
import json
import os
import re
from fnmatch import fnmatchcase
from typing import NamedTuple

from fastapi_patterns.activation import topics

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

FRAMEWORKS = ("fastapi", "starlette")
"""The packages whose import alone makes a file ours."""

THRESHOLD = 1.5
"""The score from which on the skill applies."""

# What a piece of evidence weighs.
AIM = 4  # a package of ours is what the work shall use
IMPORTED = 4  # a file imports it
PROJECT = 1  # the project depends on it: it helps what else is found, if anything is
NAMED = 3  # a prompt names it, or quotes an error that the reference explains
CODE = 2  # an identifier, as it is written
PATH = 2
TASK = 2
WORD = 1
CONTEXT = 0.5  # a word that other work has as well
FOREIGN_ASIDE = -1  # something else is named beside a package of ours
FOREIGN = -2  # something else is named
FOREIGN_CODE = -3  # an identifier of it, as it is written
FOREIGN_AIM = -4  # something else is what the work shall use, or a file's language

AS_WRITTEN = ("async def", "PATCH")
"""Words, not names, that are English or something else in any other spelling."""

INFLECTED = ("s", "es", "ing", "ed", "n", "d")

NEUTRAL = ("word", "context", "task", "route", "status")
"""What any web framework's developers say: it counts unless another one is named."""
OTHERS = ("not-for-frameworks",)
PACKAGES = ("not-for-imports", "not-for-tools")

PROMPT_CHARACTERS = 8_000
"""How much of a prompt is weighed, half of it from its end: more is a pasted log."""

DEPENDENCIES = ("pyproject.toml", "requirements.txt")
"""The files that say what a project depends on."""
PROJECT_MARKS = (".git", *DEPENDENCIES, "package.json")
"""What a project's folder has in it."""
BACKENDS = ("", "backend", "api", "server")
"""Where in a project those files may be."""

INSTALLED = ("site-packages", "node_modules")
"""The folders of what others wrote."""

READ_BYTES = 65_536
"""How much of a file is read for its imports."""

OTHER_SUFFIXES = frozenset(
    "cc cpp cs css csv dart ex go graphql html ipynb java js jsx kt lua mjs php rb rs "
    "scala scss sql svelte swift tf ts tsx vue xml".split()
)
"""Endings of files that hold no Python, and no set-up of a Python project."""

# The word of the frontmatter that a file's ending stands for.
_STANDS_FOR = {"css": "CSS", "scss": "CSS", "svelte": "Svelte", "vue": "Vue"}
_STANDS_FOR |= {"jsx": "React", "tsx": "React"}

_IDENTIFIER = re.compile(r"[A-Za-z_]\w{5,}")
_CAMEL = re.compile("[a-z]+[A-Z]")
_CODE = re.compile(r"[_(=@]|\w\.\w|[A-Za-z][A-Z]+[a-z]|[A-Z][a-z]+$")
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
_STRING = re.compile(
    r"(?:^|[=(,:])[ \t]*\w{0,2}(\"{3}|'{3}).*?\1", re.DOTALL | re.MULTILINE
)
_FROM = re.compile(
    r"(?:^|;)[ \t]*from[ \t]+(\w[\w.]*)[ \t]+import[ \t]*(\([^)]*|[^\n#;]*)",
    re.MULTILINE,
)
_IMPORT = re.compile(r"(?:^|;)[ \t]*import[ \t]+([\w., \t]+)", re.MULTILINE)
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


class Evidence(NamedTuple):
    """Something that speaks for the skill, or against it.

    Attributes:
        kind: What it is: import, path, project, keyword, code, symptom, word, context,
            task, route, status; else the ``not-for`` key that it stands at, or
            not-for-path and not-for-project.
        trigger: Which trigger it is.
        found: The text that was found.
        weight: How much it counts; below zero it speaks against.
        file: The path of the file that it was found in or at; None for the prompt.
    """

    kind: str
    trigger: str
    found: str
    weight: float
    file: str | None = None


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


class File(NamedTuple):
    """A file that is worked on.

    Attributes:
        path: Its path as it was given, with slashes or backslashes.
        text: What is in it, as far as it can be read, else None.
        place: Its path from its project's folder, if that is known.
    """

    path: str
    text: str | None
    place: str = ""


class Triggers:
    """What the frontmatter of SKILL.md says of when to use the skill.

    Attributes:
        keywords: Words and identifiers that a prompt may hold.
        context: Words that say something beside those only.
        tasks: What a prompt may ask for: all words of one, near each other.
        paths: gitignore patterns; the last that matches decides.
        imports: Packages whose import makes a file ours.
        foreign: Words that name something else, each with its ``not-for`` key.
        foreign_imports: Packages whose import makes a file somebody else's.
        foreign_tools: Packages whose import does so if the file imports none of ours.
        skills: The skills to use instead, each with what it is for.
        names: Public names of FastAPI and SQLAlchemy's asyncio extension.
        symptoms: Errors as developers see them, each with the exceptions' names.
    """

    def __init__(self, metadata: dict[str, str], reference: str) -> None:
        def listed(key: str, separator: str = ", ") -> list[str]:
            items = metadata.get(key, "").split(separator)
            return [item.strip() for item in items if item.strip()]

        self.keywords = listed("trigger-keywords")
        self.context = listed("trigger-context")
        self.tasks = listed("trigger-tasks", "; ")
        self.paths = listed("trigger-paths")
        self.imports = listed("trigger-imports")
        self.foreign_imports = listed("not-for-imports")
        self.foreign_tools = listed("not-for-tools")
        self.foreign = [
            (word, key)
            for key in metadata
            if key.startswith("not-for-") and key not in PACKAGES
            for word in listed(key)
        ]
        cases = (case.partition(": ") for case in listed("not-for", "; "))
        self.skills = [(skill, what) for what, _, skill in cases if skill]
        labels = (label for label, _ in topics.index(reference, topics.NAMES))
        names = (
            label.rpartition(".")[2]
            for label in labels
            if label.startswith(("fastapi.", "sqlalchemy.ext.asyncio."))
        )
        self.names = frozenset(
            name for name in names if _is_code(name) and not name.istitle()
        )
        self.symptoms = list(topics.symptoms(reference))


def read(skill: str, reference: str) -> Triggers:
    """Read the triggers in the texts of SKILL.md and reference.md.

    The metadata are strings in double quotes, a line each: no YAML parser is needed.
    """
    head = skill.replace("\r\n", "\n").partition("\n---\n")[0]
    lines = re.findall(r'^  ([\w-]+): (".*")$', head, re.MULTILINE)
    return Triggers({key: json.loads(value) for key, value in lines}, reference)


def match(
    triggers: Triggers,
    prompt: str = "",
    files: Iterable[File] = (),
    project: Evidence | None = None,
) -> Match:
    """Weigh a prompt and the files that it is about.

    Args:
        triggers: What the frontmatter says.
        prompt: What a user asks; of a long one its beginning and its end.
        files: The files that it is about.
        project: What the project depends on, as ``of_project`` finds it.
    """
    about, prompt = list(files), ends(prompt)
    mentioned = [
        _of_path(triggers, name)
        for name in _files_in(prompt)
        if not any(file.path.endswith(name) for file in about)
    ]
    said = list(_of_prompt(triggers, prompt))
    files_say = [
        *_decisive([_of_file(triggers, file) for file in about]),
        *_decisive(mentioned),
    ]
    evidence = list(_weighed(said, files_say))
    if project and (project.weight < 0 or any(e.weight >= WORD for e in evidence)):
        evidence.append(project)
    score = _sum(evidence)
    against = [e.kind[len("not-for-") :] for e in evidence if e.weight < 0]
    skills = [skill for skill, _ in triggers.skills]
    instead = next((kind for kind in against if kind in skills), None)
    return Match(score >= THRESHOLD, score, tuple(evidence), instead)


def _weighed(said: list[Evidence], files: list[Evidence]) -> Iterator[Evidence]:
    """Leave out what does not count beside the rest."""
    named = max((e.weight for e in said if e.kind == "keyword"), default=0)
    written = any(e.kind == "code" for e in said)
    others = any(e.kind in OTHERS for e in said) or any(e.weight < 0 for e in files)
    context = [e for e in said if e.kind == "context"]
    if not any(e.weight > 0 for e in (*said, *files) if e not in context):
        said = [e for e in said if e not in context[2:]]  # they do not do alone
    for evidence in said:
        if evidence.kind == "not-for-other":
            if not written:  # whoever writes our identifiers asks about them
                yield evidence
        elif named and evidence.weight == FOREIGN:
            yield evidence._replace(weight=FOREIGN_ASIDE)
        elif not (evidence.kind in NEUTRAL and others and not named):
            yield evidence
    for evidence in files:
        if (
            evidence.weight > 0 or named < AIM
        ):  # a file that shall become ours is not yet
            yield evidence


def ends(prompt: str) -> str:
    """Leave out the middle of a long prompt: what is asked stands at an end of it."""
    if len(prompt) <= PROMPT_CHARACTERS:
        return prompt
    half = PROMPT_CHARACTERS // 2
    return f"{prompt[:half]}\n{prompt[-half:]}"


def _files_in(prompt: str) -> Iterator[str]:
    """Give the paths that a prompt speaks of."""
    for token in dict.fromkeys(_TOKEN.findall(prompt)):
        path = token.rstrip(".")
        if _FILE_NAME.fullmatch(re.split(r"[/\\]", path)[-1]):
            yield path


def file(path: str, folder: str) -> File:
    """Give a file with the beginning of its text, if it can be read.

    Args:
        path: Where it is, from ``folder`` or absolute.
        folder: Where the agent, or the command, works.
    """
    full = os.path.abspath(os.path.join(folder, path))
    # The names of the folders above its project say nothing of the file.
    home = project_of(full, folder)
    place = os.path.relpath(full, home).replace(os.sep, "/") if home else path
    try:
        if not os.path.isfile(full):  # a pipe would be waited for
            return File(path, None, place)
        with open(full, "rb") as opened:
            data = opened.read(READ_BYTES)
    except (OSError, ValueError):
        return File(path, None, place)
    return File(path, data.decode("utf-8-sig", "replace"), place)


def project_of(path: str, folder: str) -> str:
    """Give the folder of the project that a file is in, or nothing if none is known.

    Args:
        path: The file, absolute.
        folder: Where the agent, or the command, works; a file in it is of its project.
    """
    base = os.path.abspath(folder) if folder else ""
    if not (base and path.startswith(os.path.join(base, ""))):
        base = ""
    start = base or os.path.dirname(path)
    for above in _upwards(start):
        if any(os.path.exists(os.path.join(above, mark)) for mark in PROJECT_MARKS):
            return above
    return base


def _upwards(folder: str) -> Iterator[str]:
    yield folder
    while folder != os.path.dirname(folder):
        folder = os.path.dirname(folder)
        yield folder


def of_project(triggers: Triggers, folder: str) -> Evidence | None:
    """Tell what a project depends on: a package of ours, or another framework.

    The nearest folder decides that says either, up to that of the repository.
    """
    others = {word.lower() for word, key in triggers.foreign if key in OTHERS}
    foreign = [package for package in triggers.foreign_imports if package in others]
    for above in _upwards(os.path.abspath(folder)):
        listed = [*_dependencies(above)]
        for packages, kind, weight in (
            (FRAMEWORKS, "project", PROJECT),
            (foreign, "not-for-project", FOREIGN),
        ):
            for path, text in listed:
                for package in packages:
                    if _depends(package, text):
                        return Evidence(kind, package, path, weight)
        if os.path.exists(os.path.join(above, ".git")):
            break
    return None


def _dependencies(folder: str) -> Iterator[tuple[str, str]]:
    """Give the files of a project that say what it depends on, with their texts."""
    for part in BACKENDS:
        for name in DEPENDENCIES:
            path = os.path.join(folder, part, name)
            try:
                if os.path.isfile(path):  # a pipe would be waited for
                    with open(path, encoding="utf-8", errors="replace") as opened:
                        text = opened.read(READ_BYTES).lower()
                    yield path, re.sub("#.*", "", text)
            except OSError:
                continue


def _depends(package: str, text: str) -> bool:
    found = rf"(?:^|[\s\"',\[]){package}\s*(?:[\[<>=~!;@,\"'\]]|$)"
    return bool(re.search(found, text, re.MULTILINE))


def imports_of(text: str) -> set[str]:
    """Give the modules that a piece of Python imports, be it complete or not.

    Of ``from a import b`` both ``a`` and ``a.b``: either may be the module.
    """
    code = _STRING.sub("", text).replace("\\\n", " ")
    found = {name for listed in _IMPORT.findall(code) for name in _listed(listed)}
    for module, listed in _FROM.findall(code):
        found |= {module, *(f"{module}.{name}" for name in _listed(listed))}
    return found


def _listed(names: str) -> Iterator[str]:
    """Give the names of a list with commas, brackets and comments in it."""
    for name in re.sub("#.*", "", names).strip("( \t").split(","):
        if words := name.split():
            yield words[0]


def matches_glob(pattern: str, path: str) -> bool:
    """Tell whether a gitignore pattern, without its ``!``, matches a path."""
    wanted = pattern.strip("/").split("/")
    if len(wanted) == 1 and not pattern.startswith("/"):
        wanted.insert(0, "**")
    if pattern.endswith("/"):
        wanted.append("**")
    return _matches(wanted, path.split("/"))


def _matches(wanted: Sequence[str], parts: Sequence[str]) -> bool:
    if not wanted:
        return not parts
    if wanted == ["**"]:
        return bool(parts)
    if wanted[0] == "**":
        return any(_matches(wanted[1:], parts[n:]) for n in range(len(parts)))
    return (
        bool(parts)
        and (wanted[0] == parts[0] or fnmatchcase(parts[0], wanted[0]))
        and _matches(wanted[1:], parts[1:])
    )


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


def _of_prompt(triggers: Triggers, prompt: str) -> Iterator[Evidence]:
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
        if (written or _is_code(keyword)) and _written(keyword, prompt):
            kind, weight = ("word", WORD) if written else ("code", CODE)
            yield Evidence(kind, keyword, keyword, weight)
    yield from _words(triggers, prompt)
    for name in dict.fromkeys(_IDENTIFIER.findall(prompt)):
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
    prose = _Prose(prompt)
    for word, key in triggers.foreign:
        short = len(word) < 3  # Go, the language, is no go
        named = _written(word, prompt) if short else prose.find(word, ("s",))
        other = key == "not-for-other"
        if (
            named
            and not other
            and any(_TOWARDS.search(before) for before in prose.before(named))
        ):
            yield Evidence(key, word, named, FOREIGN_AIM)
        elif named and not aimed:
            weight = FOREIGN_CODE if _CAMEL.match(word) else FOREIGN
            yield Evidence(key, word, named, weight)


def _words(triggers: Triggers, prompt: str) -> Iterator[Evidence]:
    """Find the words; one inside of a longer one does not count again."""
    prose = _Prose(prompt)
    counted = [
        k.lower() for k in triggers.keywords if k in AS_WRITTEN and _written(k, prompt)
    ]
    kinds: list[tuple[str, str, float]]
    kinds = [("word", keyword, WORD) for keyword in triggers.keywords]
    kinds += [("context", keyword, CONTEXT) for keyword in triggers.context]
    for kind, keyword, weight in sorted(kinds, key=lambda k: -len(k[1])):
        if keyword in (*triggers.imports, *AS_WRITTEN) or _is_code(keyword):
            continue
        word = prose.find(keyword, INFLECTED)
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


def _is_code(keyword: str) -> bool:
    """Tell an identifier, which is found as it is written, from a word."""
    return bool(_CODE.search(keyword))


def _written(keyword: str, text: str) -> str:
    """Find an identifier as it is written, not inside of another."""
    ends_in_word = _in_word(keyword[-1])
    for at in _places(keyword, text):
        end = at + len(keyword)
        after = text[end : end + 1]
        if not (
            (ends_in_word and _in_word(after)) or _opens_a_sentence(keyword, text, at)
        ):
            return keyword
    return ""


def _opens_a_sentence(keyword: str, text: str, at: int) -> bool:
    """Tell `Depends` from "Depends on what you need"."""
    if not (keyword.isalpha() and keyword.istitle()):
        return False
    before, after = text[:at].rstrip(" "), text[at + len(keyword) :]
    return (not before or before[-1] in ".!?:\n") and after[:1] == " "


class _Prose:
    """A text in which words are looked for, whatever their case, number and hyphens."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._plain = text.lower().replace("-", " ")

    def find(self, word: str, endings: Sequence[str]) -> str:
        plain = word.lower().replace("-", " ")
        for at in _places(plain, self._plain):
            end = at + len(plain)
            for ending in ("", *endings):
                stop = end + len(ending)
                follows = self._plain[stop : stop + 1]
                if self._plain[end:stop] == ending and not _in_word(follows):
                    return self._text[at:stop]
        return ""

    def before(self, word: str) -> Iterator[str]:
        """Give what stands before a word, wherever it does, as it is written."""
        for at in _places(word, self._text):
            end = at + len(word)
            if not _in_word(self._text[end : end + 1]):
                yield self._text[max(0, at - 60) : at]


def _places(wanted: str, text: str) -> Iterator[int]:
    """Give where a text stands in another, unless it goes on a word."""
    at = text.find(wanted)
    while at >= 0:
        if not (at and _in_word(wanted[0]) and _in_word(text[at - 1])):
            yield at
        at = text.find(wanted, at + 1)


def _in_word(character: str) -> bool:
    # Chinese and Japanese set no spaces around the words of other scripts.
    return character == "_" or (character.isalnum() and character < "\u2e80")


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


def _of_file(triggers: Triggers, given: File) -> list[Evidence]:
    """Weigh a file: what it imports where that can be read, and its path."""
    path = _of_path(triggers, given.path, given.place)
    if given.text is None or any(e.weight < 0 for e in path):
        return path
    modules = sorted(imports_of(given.text))
    ours = [m for m in modules if _within(m, triggers.imports)]
    if frameworks := [m for m in ours if _within(m, FRAMEWORKS)]:
        return [Evidence("import", frameworks[0], frameworks[0], IMPORTED, given.path)]
    foreign = [_foreign(triggers, m, given.path) for m in modules]
    for against in sorted(filter(None, foreign), key=lambda e: e.weight):
        if against.kind != "not-for-tools" or not ours:
            return [against]
    written = (k for k in triggers.keywords if _is_code(k) and _written(k, given.text))
    found = [Evidence("import", m, m, CODE, given.path) for m in ours]
    found += [Evidence("code", k, k, CODE, given.path) for k in written]
    found += [
        Evidence("import", m, m, WORD, given.path)
        for m in modules
        if _within(m, triggers.keywords)
    ]
    return [*path, *found[:1]]


def _foreign(triggers: Triggers, module: str, path: str) -> Evidence | None:
    """Weigh an import of something else: a framework decides, a tool does not."""
    for package in triggers.foreign_imports:
        if _within(module, (package,)):
            key = _named(triggers, package) or "not-for-imports"
            return Evidence(key, package, module, FOREIGN_AIM, path)
    for package in triggers.foreign_tools:
        if _within(module, (package,)):
            return Evidence("not-for-tools", package, module, FOREIGN, path)
    return None


def _named(triggers: Triggers, name: str) -> str:
    """Give the ``not-for`` key of a skill to use instead that a name stands at."""
    for word, key in triggers.foreign:
        plain = word.lower().replace(" ", "_")
        if plain == name.lower() and key[len("not-for-") :] in dict(triggers.skills):
            return key
    return ""


def _within(module: str, packages: Iterable[str]) -> bool:
    """Tell whether a module is of a package, or of one of its extensions."""
    return any(
        module == p or module.startswith((f"{p}.", f"{p}_")) or f".{p}." in module
        for p in packages
    )


def _of_path(triggers: Triggers, path: str, place: str = "") -> list[Evidence]:
    slashed = (place or path).replace("\\", "/")
    normal = re.sub(r"^(?:[A-Za-z]:)?(?:\.?/)*", "", slashed)
    suffix = normal.rpartition(".")[2].lower()
    if suffix in OTHER_SUFFIXES:
        key = _named(triggers, _STANDS_FOR.get(suffix, "")) or "not-for-path"
        return [Evidence(key, "no Python", path, FOREIGN_AIM, path)]
    parts = f"{path}/{normal}".replace("\\", "/").split("/")
    if any(folder in parts for folder in INSTALLED):
        return [Evidence("not-for-path", "somebody else's", path, FOREIGN_AIM, path)]
    decided, weight = "", 0.0
    for pattern in triggers.paths:
        for glob, weighs in _globs(pattern):
            if matches_glob(glob, normal) and (weighs == PATH or not decided):
                decided, weight = ("" if pattern.startswith("!") else pattern), weighs
    return [Evidence("path", decided, path, weight, path)] if decided else []


def _globs(pattern: str) -> Iterator[tuple[str, float]]:
    """Give what a pattern matches: of backend/services/ any services is a hint."""
    glob = pattern.lstrip("!")
    yield glob, PATH
    if "/backend/" in glob:
        module = glob.replace("/**/*.py", ".py")
        yield module, PATH
        yield glob.replace("/backend/", "/"), WORD
        yield module.replace("/backend/", "/"), WORD


def _decisive(judged: list[list[Evidence]]) -> list[Evidence]:
    """Take the file that speaks most for the skill, else the one most against it."""
    if not judged:
        return []
    best = max(judged, key=_sum)
    return best if _sum(best) > 0 else min(judged, key=_sum)


def _sum(evidence: Iterable[Evidence]) -> float:
    return sum(e.weight for e in evidence)
