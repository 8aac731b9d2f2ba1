"""Words and identifiers, found whole in a text."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_CODE = re.compile(r"[_(=@]|\w\.\w|[A-Za-z][A-Z]+[a-z]|[A-Z][a-z]+$")


def is_code(keyword: str) -> bool:
    """Tell an identifier, which is found as it is written, from a word."""
    return bool(_CODE.search(keyword))


def written(keyword: str, text: str) -> str:
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


class Prose:
    """A text in which words are looked for, whatever their case, number and hyphens."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._plain = text.lower().replace("-", " ")

    def find(self, word: str, endings: Sequence[str]) -> str:
        """Find a word, with one of these endings or none; "" if it is not there."""
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
