"""Version bounds of a block: since when it holds, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata

from packaging.version import InvalidVersion, Version

DEFAULT_PACKAGE = "fastapi"


@dataclass(frozen=True, slots=True)
class Bound:
    """A release of a package, such as ``fastapi 0.135``."""

    package: str
    version: Version

    @classmethod
    def parse(cls, text: str) -> Bound:
        """Read ``"0.135"`` (FastAPI's) or ``"sqlalchemy 2.1"``.

        Raises:
            ValueError: The text names no version, or a package that is not installed.
        """
        package, _, version = text.strip().rpartition(" ")
        bound = cls(package or DEFAULT_PACKAGE, _version(version))
        try:
            metadata.version(bound.package)
        except (metadata.PackageNotFoundError, ValueError):
            raise ValueError(f"package {bound.package!r} is not installed") from None
        return bound

    def reached(self) -> bool:
        """Whether the installed release is this one or a later one."""
        return Version(metadata.version(self.package)) >= self.version

    def __str__(self) -> str:
        return f"{self.package} {self.version}"


def _version(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion:
        raise ValueError(f"{text!r} is no version") from None


def holds(since: Bound | None, until: Bound | None) -> bool:
    """Whether a block with these bounds should hold at the installed versions."""
    return (since is None or since.reached()) and (until is None or not until.reached())
