r"""The words behind a fence: a language, then attributes.

Two forms, both highlighted by code hosts and titled by Material::

    python title="backend/main.py"
    python {title="backend/main.py" .excerpt}
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import get_close_matches

ATTRIBUTES = ("title", "raises", "since", "until")
CLASSES = ("excerpt", "mistake", "tree")

_LANGUAGE = re.compile(r"[^\s{}]+")
_TITLE_ONLY = re.compile(r"""title=(?:"([^"]*)"|'([^']*)')$""")
_WORD = re.compile(
    r"""\s*(?: \.(?P<class>[^\s"'={}.]+)
             | (?P<key>[^\s"'={}.]+)=(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)')
          )(?=\s|$)""",
    re.VERBOSE,
)


class InfoStringError(ValueError):
    """An info string that the contract does not know; ``mend`` says what to write."""

    def __init__(self, message: str, mend: str) -> None:
        super().__init__(message)
        self.mend = mend


@dataclass(frozen=True, slots=True)
class InfoString:
    """A fence's language, attributes and classes."""

    language: str
    attributes: dict[str, str] = field(default_factory=dict)
    classes: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, text: str) -> InfoString:
        """Read an info string strictly.

        Raises:
            InfoStringError: No language, an unknown or repeated attribute, or words
                that are no attribute at all.
        """
        text = text.strip()
        found = _LANGUAGE.match(text)
        if not found:
            raise InfoStringError(
                "the fence names no language",
                "write what the block is first, as in ```python",
            )
        language, rest = found.group(), text[found.end() :].strip()
        if not rest:
            return cls(language)
        if title := _TITLE_ONLY.fullmatch(rest):
            return cls(language, {"title": title[1] or title[2] or ""})
        if not (rest.startswith("{") and rest.endswith("}")):
            raise InfoStringError(
                f"cannot read {rest!r} after the language",
                'write title="path" alone, or all of it in braces: '
                f'{language} {{title="path" .excerpt}}',
            )
        return cls._parse_braces(language, rest[1:-1].strip())

    @classmethod
    def _parse_braces(cls, language: str, text: str) -> InfoString:
        attributes: dict[str, str] = {}
        classes: set[str] = set()
        position = 0
        while position < len(text):
            word = _WORD.match(text, position)
            if not word:
                raise InfoStringError(
                    f"cannot read {text[position:].strip()!r} in the braces",
                    'an attribute is key="value", a class is .name',
                )
            position = word.end()
            if name := word["class"]:
                _require_known(name, CLASSES, "class", seen=name in classes)
                classes.add(name)
            else:
                key = word["key"]
                _require_known(key, ATTRIBUTES, "attribute", seen=key in attributes)
                attributes[key] = word["double"] or word["single"] or ""
        return cls(language, attributes, frozenset(classes))


def _require_known(name: str, known: tuple[str, ...], what: str, *, seen: bool) -> None:
    if name not in known:
        close = get_close_matches(name, known, 1)
        raise InfoStringError(
            f"unknown {what} {name!r}",
            f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}",
        )
    if seen:
        raise InfoStringError(f"{what} {name!r} is given twice", "give it once")
