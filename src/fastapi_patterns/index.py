"""The indexes of reference.md: symptoms, and the public names of the frameworks.

Both are lists that end a section of their own. They are made from the rest of the
document: the lines of its ``### Symptoms``, and what its blocks use while they run.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from fastapi_patterns import sections, shown, surface
from fastapi_patterns.bundle import Bundle
from fastapi_patterns.sections import Section

REFERENCE = "reference.md"
SYMPTOMS = "Symptom index"
NAMES = "Index of public names"
COVERAGE = "What is covered"
LEFT_OUT = re.compile(r"\| (?P<patterns>`.+`) \| (?P<reason>.+) \|")
ROW = "| fastapi "
PACKAGES = ("fastapi", "pydantic", "sqlalchemy")


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of the public surface the blocks use.

    Attributes:
        shown: Where each label is used: the blocks' places, in reading order.
        missing: Labels that no block uses and that are not left out.
        left_out: Labels that are left out with a reason.
        useless: Patterns of the table that leave nothing out.
        names: The labels of what is imported.
    """

    shown: dict[str, list[str]] = field(repr=False)
    missing: tuple[str, ...]
    left_out: tuple[str, ...] = field(repr=False)
    useless: tuple[str, ...]
    names: frozenset[str] = field(repr=False)

    @property
    def wanted(self) -> int:
        """The number of labels that are not left out."""
        return len(self.shown) + len(self.missing)

    @property
    def share(self) -> str:
        """What part of the wanted labels is shown, in percent."""
        return f"{len(self.shown) / self.wanted:.1%}" if self.wanted else "-"

    @property
    def row(self) -> str:
        """The table's row for the installed versions."""
        versions = ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)
        return (
            f"| {versions} | {self.wanted:,} | {len(self.shown):,} | {self.share} "
            f"| {len(self.left_out):,} |"
        )


def measure(bundle: Bundle, scratch: Path) -> Coverage:
    """Run the blocks and find what of the installed releases' surface they use.

    Args:
        bundle: The documents.
        scratch: An empty folder to work in.
    """
    public = surface.read()
    used = shown.find(public, bundle.blocks, scratch)
    wanted = public.labels() - public.deprecated
    patterns = dict.fromkeys(_left_out(bundle), 0)
    missing, left_out = [], []
    for label in sorted(wanted - used.keys()):
        if matched := [p for p in patterns if _matches(p, label)]:
            left_out.append(label)
            patterns[matched[0]] += 1
        else:
            missing.append(label)
    return Coverage(
        {label: used[label] for label in sorted(wanted & used.keys())},
        tuple(missing),
        tuple(left_out),
        tuple(pattern for pattern, count in patterns.items() if not count),
        frozenset(public.names.values()),
    )


def explain(coverage: Coverage) -> str:
    """Say what is wrong with the coverage, and the mend."""
    said = [
        f"{label}: no block uses it: show it, or leave it out with a reason in "
        f"{REFERENCE}, {COVERAGE!r}"
        for label in coverage.missing
    ]
    said += [
        f"{REFERENCE}, {COVERAGE!r}: `{pattern}` leaves nothing out: remove it"
        for pattern in coverage.useless
    ]
    return "\n".join(said)


def _left_out(bundle: Bundle) -> Iterator[str]:
    for text in _section(bundle, COVERAGE).prose.values():
        if row := LEFT_OUT.fullmatch(text):
            yield from re.findall(r"`([^`]+)`", row["patterns"])


def _matches(pattern: str, label: str) -> bool:
    return bool(re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), label))


def _section(bundle: Bundle, title: str) -> Section:
    for section in sections.read(bundle, REFERENCE):
        if section.title == title:
            return section
    raise LookupError(f"{REFERENCE}: there is no section {title!r}: write its heading")


def rewrite(bundle: Bundle, coverage: Coverage) -> str:
    """Give the text of reference.md with its indexes as the rest of it says."""
    lines = bundle.documents[REFERENCE].text.split("\n")
    lists = {
        SYMPTOMS: list(_symptom_lines(bundle)),
        NAMES: list(_name_lines(bundle, coverage)),
    }
    for section in reversed(sections.read(bundle, REFERENCE)):
        if section.title in lists:
            start = _list_start(section)
            end = section.lines.stop - 1
            # The last section ends with the document, others with a blank line.
            lines[start - 1 : end] = [*lists[section.title], ""]
        elif section.title == COVERAGE:
            _replace_row(lines, section, coverage.row)
    return "\n".join(lines)


def _list_start(section: Section) -> int:
    for number, text in section.prose.items():
        if text.startswith("- "):
            return number
    return section.lines.stop


def _replace_row(lines: list[str], section: Section, row: str) -> None:
    for number in section.prose:
        if lines[number - 1].startswith(ROW):
            lines[number - 1] = row


def measured_with(bundle: Bundle) -> str:
    """Give the FastAPI release that the coverage stands for."""
    for text in _section(bundle, COVERAGE).prose.values():
        if text.startswith(ROW):
            return text.removeprefix(ROW).partition(",")[0]
    raise LookupError(f"{REFERENCE}, {COVERAGE!r}: no row begins with {ROW!r}: add it")


def _symptom_lines(bundle: Bundle) -> Iterator[str]:
    """Give each section with its symptoms, and with what else its blocks raise."""
    for section in sections.read(bundle, REFERENCE):
        listed = [symptom.text for symptom in sections.symptoms(section)]
        raised = [block.raises for block in section.blocks if block.raises]
        seen: dict[str, str] = {}
        for text in listed:
            names = {r.partition(": ")[0] for r in raised if text in r}
            seen[text] = ", ".join(sorted(names))
        for statement in raised:
            name, _, message = statement.partition(": ")
            if message and not any(text in statement for text in listed):
                seen.setdefault(message, name)
        if seen:
            texts = "; ".join(_seen(text, name) for text, name in seen.items())
            yield f"- [{section.title}](#{section.anchor}): {texts}"


def _seen(text: str, name: str) -> str:
    quoted = f"``{text}``" if "`" in text else f"`{text}`"
    return f"{quoted} ({name})" if name else quoted


def _name_lines(bundle: Bundle, coverage: Coverage) -> Iterator[str]:
    """Give each public name with the two sections that say the most of it."""
    read = sections.read(bundle, REFERENCE)
    texts = {s.anchor: s.text for s in read}
    titles = {s.anchor: s.title for s in read}
    weights: dict[str, dict[str, float]] = {}
    for label, places in coverage.shown.items():
        using = _sections_at(read, places)
        for section in using:
            # What few sections show says more about them.
            name = _name(label, coverage.names)
            weight = weights.setdefault(name, defaultdict(float))
            weight[section.anchor] += 1 / len(using)
    weights.pop("", None)  # families of functions are no names
    for name in sorted(weights, key=lambda name: (name.lower(), name)):
        word = re.compile(rf"\b{name.rpartition('.')[2]}\b")
        scores = {
            anchor: 3 * weight + len(word.findall(texts[anchor]))
            for anchor, weight in weights[name].items()
            if word.search(texts[anchor])
        }
        most = sorted(scores, key=scores.__getitem__, reverse=True)[:2]
        if most:
            links = ", ".join(f"[{titles[anchor]}](#{anchor})" for anchor in most)
            yield f"- `{name}`: {links}"


def _name(label: str, names: frozenset[str]) -> str:
    """Give what is imported: the label without its members and parameters."""
    name = re.split(r"[(\[]", label)[0]
    while name and name not in names:
        name = name.rpartition(".")[0]
    return name


def _sections_at(read: list[Section], places: list[str]) -> list[Section]:
    lines = {
        int(line)
        for document, _, line in (place.partition(":") for place in places)
        if document == REFERENCE
    }
    return [s for s in read if any(line in s.lines for line in lines)]
