"""Prove a block: run it, or check it by what would read it."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from fastapi_patterns import data, extract, served, source_map
from fastapi_patterns.blocks import Block, Kind
from fastapi_patterns.bundle import Bundle
from fastapi_patterns.files import File
from fastapi_patterns.program import Outcome, Program, imported_modules
from fastapi_patterns.warm import Interpreter

SETTINGS_MODULE, SETTINGS_CLASS = "backend.core.config", "Settings"


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of proving a block.

    Attributes:
        block: The block.
        failure: Why it is not proven; empty when it is.
        seconds: The time that it took.
    """

    block: Block
    failure: str
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether the block is proven."""
        return not self.failure


def _third_party(blocks: list[Block]) -> set[str]:
    """Give the modules that the blocks import and no block makes, to warm up with."""
    texts = [block.text for block in blocks if block.language == "python"]
    modules = set().union(*map(imported_modules, texts))
    made = {block.path.split("/")[0] for block in blocks if block.path}
    return {name for name in modules if name.split(".")[0] not in made}


class Prover:
    """Proves the blocks of a bundle, one after another.

    Args:
        bundle: The bundle.
        fork: Whether to run programs in forks of a warm interpreter.
    """

    def __init__(self, bundle: Bundle, *, fork: bool = hasattr(os, "fork")) -> None:
        self._bundle = bundle
        self._interpreter = Interpreter(_third_party(bundle.blocks), fork=fork)

    def __enter__(self) -> Prover:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the warm interpreter."""
        self._interpreter.close()

    def prove(self, block: Block) -> Proof:
        """Prove one block."""
        began = time.perf_counter()
        check = {
            Kind.FILE: self._prove_file,
            Kind.EXCERPT: self._prove_excerpt,
            Kind.PROGRAM: self._prove_program,
            Kind.SINCE: self._prove_program,
            Kind.MISTAKE: self._prove_program,
            Kind.SESSION: self._prove_session,
            Kind.DATA: self._prove_data,
        }[block.kind]
        try:
            failure = check(block)
        except Exception as error:  # this block's failure, not the end of all proofs
            failure = f"it could not be proven: {error!r}"
        failure = failure.encode("utf-8", "backslashreplace").decode()
        return Proof(block, failure, time.perf_counter() - began)

    def kill(self) -> None:
        """Stop what is being proven."""
        self._interpreter.kill()

    def _prove_file(self, block: Block) -> str:
        file = self._bundle.files[block.path or ""]
        place = self._bundle.examples / file.path
        if extract.read_text(place) != file.text:
            return f"{place} is not what the blocks make: run fastapi-patterns extract"
        if block is not file.blocks[-1]:
            return ""  # the file is complete, and so proven, with its last block
        if not file.is_python:
            return _failure_of_data(block.language, file.text)
        outcome = self._interpreter.run(self._program_for(file))
        return "" if outcome.ok else self._explain(outcome)

    def _program_for(self, file: File) -> Program:
        """Prove a test file by its tests, any other by importing it."""
        examples = str(self._bundle.examples)
        if file.is_test:
            arguments = (
                os.path.join(examples, file.path),
                *("-q", "--tb=short", "--rootdir", examples),
                # A warm interpreter has imported pytest's plugins before pytest did.
                *("-W", "error", "-W", "ignore:Module already imported"),
                *("-p", "no:cacheprovider", "-c", os.devnull),
            )
            return Program("", file.path, 0, (examples,), arguments)
        place = os.path.join(examples, file.path)
        module = re.sub(r"(/__init__)?\.py$", "", file.path).replace("/", ".")
        if all(map(str.isidentifier, module.split("."))):
            text = (
                f"from importlib import import_module\n"
                f"module = import_module({module!r})\n"
                f"assert module.__file__ == {place!r}, 'another module has its name'\n"
            )
        else:  # no name to import it by, as a migration's
            text = f"from runpy import run_path\nrun_path({place!r})\n"
        return Program(text, file.path, 0, (examples,))

    def _prove_excerpt(self, block: Block) -> str:
        return ""  # that it stands in its file is part of reading the bundle

    def _prove_program(self, block: Block) -> str:
        filename = str(self._bundle.root / block.document)
        outcome = self._interpreter.run(Program(block.text, filename, block.line))
        failure = self._judge(block, outcome)
        if block.holds_here:
            return failure
        if failure:
            return ""
        bounds = {"since": block.since, "until": block.until}
        said = ", ".join(f"{name} {bound}" for name, bound in bounds.items() if bound)
        return f"the block says {said}, but it holds at the installed version too"

    def _judge(self, block: Block, outcome: Outcome) -> str:
        """Say what an outcome lacks to prove the block; nothing when it does."""
        if block.raises is None:
            return "" if outcome.ok else self._explain(outcome)
        name, _, part = block.raises.partition(": ")
        if outcome.ok:
            return f"the mistake does not fail: it should raise {block.raises}"
        if outcome.raised(name) and (part in outcome.message if part else True):
            return ""
        return (
            f"the mistake fails otherwise than stated: it should raise {block.raises}, "
            f"but raised {outcome.error[0]}: {outcome.message}\n{outcome.traceback}"
        )

    def _explain(self, outcome: Outcome) -> str:
        text = outcome.traceback or f"{outcome.error[0]}: {outcome.message}\n"
        if outcome.output:
            text += f"It printed:\n{outcome.output}"
        return source_map.rewrite(self._bundle, text).rstrip()

    def _prove_session(self, block: Block) -> str:
        try:
            with served.serving(self._bundle) as address:
                session = served.steps(block.text)
                outputs = served.run_session(session, address)
                for step, output in zip(session, outputs, strict=True):
                    if not step.accepts(output):
                        return (
                            f"$ {step.command}\nprinted\n{output}\n"
                            f"where the document says\n{step.expected}"
                        )
        except (ValueError, RuntimeError) as error:
            return str(error)
        return ""

    def _prove_data(self, block: Block) -> str:
        if block.language == "text":
            try:
                data.check_tree(block.text, self._bundle.files)
            except data.DataError as error:
                return str(error)
        failure = _failure_of_data(block.language, block.text)
        if failure or block.language != "dotenv":
            return failure
        return self._check_settings(block)

    def _check_settings(self, block: Block) -> str:
        """Read a ``.env`` by the app's settings, which must know all its names."""
        names = {name.lower() for name in data.environment(block.text)}
        text = (
            f"from pathlib import Path\n"
            f"from {SETTINGS_MODULE} import {SETTINGS_CLASS}\n"
            f"Path('.env').write_text({block.text!r})\n"
            f"{SETTINGS_CLASS}(_env_file='.env')\n"
            f"unknown = {names!r} - {SETTINGS_CLASS}.model_fields.keys()\n"
            f"assert not unknown, f'the settings know no {{unknown}}'\n"
        )
        program = Program(text, block.location, 0, (str(self._bundle.examples),))
        outcome = self._interpreter.run(program)
        return "" if outcome.ok else self._explain(outcome)


def _failure_of_data(language: str, text: str) -> str:
    try:
        data.check(language, text)
    except data.DataError as error:
        return str(error)
    return ""


def update_session(bundle: Bundle, block: Block) -> str:
    """Run a session and give its text with the output that it has now."""
    with served.serving(bundle) as address:
        session = served.steps(block.text)
        parts: list[str] = []
        for step, output in zip(
            session, served.run_session(session, address), strict=True
        ):
            parts.append("$ " + step.command.replace("\n", "\n> ") + "\n")
            kept = step.expected if step.accepts(output) else output
            parts.append(kept if not kept or kept.endswith("\n") else f"{kept}\n")
    text = "".join(parts)
    if [step.command for step in served.steps(text)] != [s.command for s in session]:
        raise ValueError(f"{block.location}: a line of the output looks like a command")
    return text


def versions() -> Iterator[tuple[str, str]]:
    """Give the versions that a proof is for."""
    from importlib import metadata

    yield "python", ".".join(map(str, sys.version_info[:3]))
    for package in ("fastapi", "starlette", "sqlalchemy", "pydantic"):
        yield package, metadata.version(package)
