"""What shows that a client is used, beside what was installed for it or for others."""

from __future__ import annotations

from pathlib import Path

from fastapi_patterns.install import block, clients, record
from fastapi_patterns.install.clients import Client, Scope
from fastapi_patterns.install.record import Kind, Record


def used(root: Path, scope: Scope) -> list[Client]:
    """Give the clients that a project, or a user's home, shows traces of.

    Raises:
        InstallError: What was installed there cannot be read.
    """
    installed = record.read(root)
    return [
        client
        for client in clients.ALL.values()
        if any(
            (root / trace).exists() and not _is_ours(root / trace, root, installed)
            for trace in client.traces_of(scope)
        )
    ]


def _is_ours(path: Path, root: Path, installed: Record) -> bool:
    """Tell whether a path is there for what was installed, and for nothing else."""
    name = path.relative_to(root).as_posix()
    if path.is_dir():
        return name in installed.new and all(
            _is_ours(inside, root, installed) for inside in path.iterdir()
        )
    kind, _ = installed.made.get(name, (None, ()))
    if kind is Kind.BLOCK:
        return name in installed.new and not block.take(path.read_bytes(), "").strip()
    return kind is not None or name == record.FILE
