"""The command line: a thin layer over the modules that do the work."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from filelock import FileLock
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from fastapi_patterns import (
    bundle,
    check,
    documents,
    extract,
    proofs,
    prove,
    serve,
    skill_folder,
    stitch,
)
from fastapi_patterns.activation import (
    evaluation,
    matching,
    projects,
    prompts,
    topics,
    triggers,
)
from fastapi_patterns.activation import files as files_of_work
from fastapi_patterns.blocks import Block, Kind
from fastapi_patterns.bundle import Bundle
from fastapi_patterns.documents import NAMES, find_root
from fastapi_patterns.install import apply, clients, elsewhere, plan, record, traces
from fastapi_patterns.install.clients import Scope
from fastapi_patterns.install.plan import Action, Plan
from fastapi_patterns.problems import ContractError
from fastapi_patterns.rewrite import RewriteError

app = typer.Typer(
    name="fastapi-patterns",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help=(
        "FastAPI patterns whose every line is proven by running it.\n\n"
        "[bold]serve[/bold] makes the example app from the documents and runs it; "
        "[bold]prove[/bold] runs every block of them. Work on the app in examples/ and "
        "bring it back with [bold]stitch[/bold], or edit a document and "
        "[bold]extract[/bold]."
    ),
)

# What the documents say is shown as it is: no markup, no emoji, no wrapping.
out = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
err = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)

Root = Annotated[
    Path | None,
    typer.Option(
        "--root",
        metavar="DIR",
        help="Folder of the three documents. [dim]Default: here or above.[/dim]",
        show_default=False,
    ),
]


@app.command("serve")
def serve_command(
    root: Root = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(metavar="PORT", help="Port to listen on.", min=1, max=65535)
    ] = 8000,
    database: Annotated[
        Path,
        typer.Option(metavar="FILE", help="SQLite file; DATABASE_URL goes before it."),
    ] = Path("fastapi-patterns.db"),
) -> None:
    """Make the app from the documents and serve it.

    Prints the address of the interactive API page, which works without internet.
    """
    found = _read(root)
    _extract(found)
    try:
        serve.serve(found, host, port, database.resolve())
    except serve.PortTakenError as error:
        _fail(str(error))


@app.command("prove")
def prove_command(
    documents: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="DOCUMENT[:LINE]",
            help="What to prove, such as reference.md or reference.md:212. "
            "[dim]Default: everything.[/dim]",
            show_default=False,
        ),
    ] = None,
    root: Root = None,
    kind: Annotated[
        list[Kind] | None,
        typer.Option(
            *("--kind", "-k"),
            metavar="KIND",
            help=f"Only blocks of this kind: {', '.join(Kind)}. May be repeated.",
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            "-j",
            min=1,
            metavar="N",
            help="Blocks side by side.",
            show_default="cores",
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where to write the machine-readable report.",
            show_default="build/proofs.json",
        ),
    ] = None,
    update: Annotated[
        bool,
        typer.Option(
            "--update", help="Write the output of console blocks anew instead."
        ),
    ] = False,
) -> None:
    """Run every block of the documents at the installed versions."""
    found = _read(root)
    blocks = _select(found, documents or [], kind or [])
    if update:
        _update(found, blocks)
        return
    report = report or found.root / "build" / "proofs.json"
    with _failing_clearly():
        prove.require_writable(report)
    with Progress(
        TextColumn("proving"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[now]}"),
        console=err,
    ) as progress:
        task = progress.add_task("prove", total=len(blocks), now="")

        def done(proof: proofs.Proof) -> None:
            progress.update(task, advance=1, now=proof.block.location)
            if not proof.ok:
                _show(proof)

        results = prove.prove_all(found, blocks, done=done, **_jobs(jobs))
    prove.write_report(results, report)
    out.print(_table(results))
    out.print(", ".join(f"{name} {version}" for name, version in proofs.versions()))
    failed = sum(not proof.ok for proof in results)
    out.print(f"{len(results) - failed} proven, {failed} failed; report in {report}")
    if failed:
        raise typer.Exit(1)


@app.command("extract")
def extract_command(
    root: Root = None,
    check_only: Annotated[
        bool,
        typer.Option("--check", help="Write nothing: show the drift, and fail on it."),
    ] = False,
) -> None:
    """Write examples/ as the documents say.

    What somebody edited there since the last extraction is kept aside in .kept/;
    [bold]stitch[/bold] brings such edits back into the documents instead.
    """
    found = _read(root)
    if not check_only:
        _extract(found)
        return
    changes = extract.compare(found)
    if changes:
        out.print(
            Syntax(extract.diff(found, changes), "diff", background_color="default")
        )
        _fail(
            f"examples/ differs from the documents in "
            f"{', '.join([*changes.written, *changes.removed])}: run extract, "
            "or stitch where the edit was made in examples/"
        )
    out.print(f"examples/ is what the documents say: {len(found.files)} files")


@app.command("stitch")
def stitch_command(root: Root = None) -> None:
    """Bring edits made in examples/ back into the documents.

    Where a file and its blocks both changed, both are shown and nothing is written.
    """
    found = _read(root)
    with _failing_clearly():
        result = stitch.stitch(found)
    for place in result.changed:
        out.print(f"stitched into {place}")
    if result.refused:
        _fail("\n".join(result.refused))
    if not result.changed:
        out.print("examples/ holds no edit")


@app.command("index")
def index_command(
    root: Root = None,
    check_only: Annotated[
        bool,
        typer.Option("--check", help="Write nothing: fail on an outdated index."),
    ] = False,
) -> None:
    """Write the indexes of reference.md: symptoms, public names, what is covered.

    Runs the blocks and records which public functions and parameters of FastAPI,
    Pydantic and SQLAlchemy's asyncio extension they use.
    """
    from fastapi_patterns import index  # which takes all of the frameworks with it

    found = _read(root)
    with (
        tempfile.TemporaryDirectory() as scratch,
        err.status("running the blocks"),
    ):
        coverage = index.measure(found, Path(scratch))
    text = index.rewrite(found, coverage)
    out.print(
        f"{len(coverage.shown):,} of {coverage.wanted:,} wanted names and parameters "
        f"are shown ({coverage.share}); {len(coverage.left_out):,} are left out"
    )
    document = found.documents[index.REFERENCE]
    outdated = text != document.text
    if outdated and not check_only:
        documents.write(document, text)
        out.print(f"{document.name}: the indexes are written anew")
    if coverage.missing or coverage.useless:
        _fail(index.explain(coverage))
    if outdated and check_only:
        _fail(f"{document.name}: an index is outdated: run fastapi-patterns index")


@app.command("check")
def check_command(
    root: Root = None,
    coverage: Annotated[
        bool,
        typer.Option(
            "--coverage", help="Run the app's tests too, and list what they leave out."
        ),
    ] = False,
) -> None:
    """Lint and type-check the code of the documents.

    Each finding is reported at its line in the Markdown.
    """
    found = _read(root)
    if changes := extract.compare(found):
        names = ", ".join([*changes.written, *changes.removed])
        _fail(f"examples/ differs from the documents in {names}")
    findings = check.lint(found) + check.types(found)
    if coverage:
        findings += check.coverage(found)
    for finding in findings:
        out.print(str(finding))
    if findings:
        raise typer.Exit(1)
    out.print("no findings")


@app.command("bundle")
def bundle_command(
    root: Root = None,
    folder: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Where to write it.")
    ] = Path("dist"),
) -> None:
    """Build the skill's folder and a zip of it, the same bytes each time."""
    start = root or find_root(Path.cwd())
    if not any((start / name).is_file() for name in NAMES):
        _fail(f"no document is in {start}: bundle needs a clone: name it with --root")
    contents = skill_folder.of_documents(_read(root))
    target, zipped = folder / skill_folder.NAME, folder / f"{skill_folder.NAME}.zip"
    with _failing_clearly():
        skill_folder.write(contents, target)
        skill_folder.write_archive(contents, zipped)
    out.print(f"wrote {target} ({len(contents)} files)")
    out.print(f"wrote {zipped} (sha256 {sha256(zipped.read_bytes()).hexdigest()})")


@app.command("match")
def match_command(
    given: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PROMPT] [FILE]...",
            help="What a user asks of an agent; - reads it from standard input; "
            "[bold]--[/bold] goes before one that begins with a hyphen. More files "
            "may follow a --path.",
            show_default=False,
        ),
    ] = None,
    paths: Annotated[
        list[str] | None,
        typer.Option(
            "--path",
            metavar="FILE",
            help="A file that it is about; read if it is there. May be repeated.",
            show_default=False,
        ),
    ] = None,
    project: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Weigh what this project depends on as well, as the hooks do.",
            show_default=False,
            exists=True,
            file_okay=False,
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON instead of lines.")
    ] = False,
) -> None:
    """Say whether the skill applies to a prompt and files, and by which trigger.

    Ends with 0 if it applies, with 1 if it does not.
    """
    prompt, named = _prompt_and_files(given or [], paths or [])
    files = [files_of_work.read(path, os.getcwd()) for path in named]
    reference = skill_folder.document("reference.md")
    known = triggers.read(skill_folder.document("SKILL.md"), reference)
    depends = projects.weigh(known, str(project)) if project else None
    found = matching.match(known, prompt, files, depends)
    about, text = (files[0].place, files[0].text or "") if files else ("", "")
    fitting = topics.find(reference, prompts.ends(prompt), about, text)
    if as_json:
        said = matching.as_json(found, files)
        said["sections"] = [topic._asdict() for topic in fitting if found.applies]
        out.print(json.dumps(said, indent=2))
    else:
        lines = [*matching.explain(found, files)]
        for title, _, (first, last) in fitting if found.applies else ():
            lines.append(f'read reference.md, "{title}", lines {first} to {last}')
        for line in lines:
            out.print("".join(c if c.isprintable() else "\ufffd" for c in line))
    if not found.applies:
        raise typer.Exit(1)


def _prompt_and_files(given: list[str], paths: list[str]) -> tuple[str, list[str]]:
    """Tell the prompt from the files that a shell made of ``--path *.py``."""
    more = [path for path in given if paths and os.path.isfile(path)]
    prompts = [text for text in given if text not in more]
    if len(prompts) > 1:
        raise typer.BadParameter(f"{prompts[1]!r}: give one prompt, in quotes")
    prompt = prompts[0] if prompts else ""
    if prompt == "-":
        if sys.stdin is None:
            raise typer.BadParameter("standard input is closed")
        prompt = sys.stdin.read()
    named = [*paths, *more]
    if not prompt.strip() and not named:
        raise typer.BadParameter("give a prompt, --path, or both")
    for path in named:
        if not path.strip() or Path(path).is_dir():
            raise typer.BadParameter(f"--path {path!r} is no file")
    return prompt, named


@app.command("evaluate")
def evaluate_command(
    root: Root = None,
    wrong: Annotated[
        bool,
        typer.Option("--wrong", help="List those that came out wrong."),
    ] = False,
    write: Annotated[
        bool,
        typer.Option(
            "--write",
            help="Write the scores, and the cases for [bold]claude plugin eval[/bold].",
        ),
    ] = False,
) -> None:
    """Match the labelled cases in evals/: how often skill and section fit."""
    found = _read(root)
    with _failing_clearly():
        scores = evaluation.score_all(found)
        named = evaluation.score_sections(found)
        if write:
            evaluation.write(found.root, scores, named)
    for score in scores:
        out.print(str(score))
        for case in (*score.missed, *score.wrong) if wrong else ():
            said = "missed" if case.should_trigger else "wrong "
            out.print(f"  {said} {case.name}: {case.query or case.paths} ({case.why})")
    for score_of_sections in named:
        out.print(str(score_of_sections))


ClientNames = Annotated[
    list[str] | None,
    typer.Option(
        "--client",
        "-c",
        metavar="NAME",
        help=f"{', '.join(clients.ALL)}. May be repeated. "
        "[dim]Default: those that the project uses, else those that you use.[/dim]",
        show_default=False,
    ),
]
Project = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="For all who work on it. [dim]Default: the current folder.[/dim]",
        show_default=False,
    ),
]
User = Annotated[bool, typer.Option("--user", help="For you, in every project.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show what would be done, and write nothing.")
]


@app.command("install")
def install_command(
    names: ClientNames = None,
    project: Project = None,
    user: User = False,
    link: Annotated[
        bool | None,
        typer.Option(
            "--link/--copy",
            help="Link to this installation's folder, or copy it. "
            "[dim]Default: as before, else copy.[/dim]",
            show_default=False,
        ),
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Put the skill where your agents read it, with a rule for the files it is for.

    What somebody else wrote, or changed, is kept and reported.
    """
    folder, scope = _target(project, user)
    with _failing_clearly(), _alone():
        if not dry_run:
            apply.sweep(folder)
        installed = record.read(folder).clients
        chosen = _clients(names) or _found_clients(folder, scope, installed)
        made = plan.make(folder, scope, chosen, link=link)
        if made.stale and not dry_run:
            skill_folder.prepare_link()
        _carry_out(made, dry_run)
    for line in elsewhere.hidden(made.after.clients, folder, scope):
        out.print(line)
    _report_blocked(made, "written")
    if any(step.action is Action.FOREIGN for step in made.kept):
        _fail(
            "not all of it is there: move away, or mend, what is kept above, and "
            "install again"
        )


@app.command("uninstall")
def uninstall_command(
    names: ClientNames = None,
    project: Project = None,
    user: User = False,
    dry_run: DryRun = False,
) -> None:
    """Take the skill away again, from these clients or from all.

    What somebody else wrote, or changed since, is kept and reported.
    """
    folder, scope = _target(project, user)
    with _failing_clearly(), _alone():
        if not dry_run:
            apply.sweep(folder)
        installed = record.read(folder).clients
        asked = _clients(names) or installed
        for name in asked:
            if name not in installed:
                title = clients.ALL[name].title
                out.print(f"it is not installed for {title} in {folder}")
        if not asked:
            out.print(f"nothing of it is installed in {folder}")
        if not {*asked} & {*installed}:
            return
        made = plan.take_away(folder, scope, asked)
        _carry_out(made, dry_run)
    before, after = (
        {clients.ALL[name].place(scope).skill for name in served}
        for served in (made.before.clients, made.after.clients)
    )
    for skill in sorted(before - after):
        said = any(step.path.startswith(f"{skill}/") for step in made.kept)
        if not dry_run and not said and os.path.lexists(folder / skill):
            out.print(f"still there, not written by this: {skill}")
    _report_blocked(made, "removed")


@app.command("status")
def status_command(project: Project = None, user: User = False) -> None:
    """Show which clients have the skill, and whether it is as it was installed."""
    folder, scope = _target(project, user)
    with _failing_clearly():
        installed = record.read(folder).clients
        made = plan.make(folder, scope, [])
        used = traces.used(folder, scope)
    table = Table(title=f"{skill_folder.NAME} in {folder}")
    for name in ("client", "skill", "rule for paths"):
        table.add_column(name)
    for client in clients.ALL.values():
        place = client.place(scope)
        if client.name in made.blocked:
            table.add_row(client.title, "cannot be told", "cannot be told")
        elif client.name in installed:
            skill = plan.state(made, place.skill)
            table.add_row(client.title, skill, plan.state(made, place.rule))
        elif client in used:
            hint = f"not installed: --client {client.name}"
            table.add_row(client.title, hint, "")
    if table.rows:
        out.print(table)
    else:
        out.print(f"nothing of it is installed in {folder}, and no client is found")
    notes = elsewhere.hidden(installed, folder, scope)
    for why in dict.fromkeys([*made.blocked.values(), *notes]):
        out.print(why)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Let one installation of a user work at a time; the system lifts its lock.

    One file for all that a user installs: a lock cannot be removed safely, and so the
    least of them is left.
    """
    user = getattr(os, "getuid", int)()  # who else has this home cannot open the lock
    name = sha256(os.fsencode(f"{user} {Path.home()}")).hexdigest()[:16]
    lock = Path(tempfile.gettempdir(), f"{skill_folder.NAME}-{name}.lock")
    with FileLock(lock, timeout=60):
        yield


def _target(project: Path | None, user: bool) -> tuple[Path, Scope]:
    if user and project is not None:
        raise typer.BadParameter("give --project or --user, not both")
    if user:
        return Path.home().resolve(), Scope.USER
    folder = (project or Path.cwd()).resolve()
    if not folder.is_dir():
        _fail(f"{project} is no folder")
    if folder == Path.home().resolve():
        _fail(f"{folder} is your home: use --user")
    return folder, Scope.PROJECT


def _clients(names: list[str] | None) -> list[str]:
    for name in names or []:
        if name not in clients.ALL:
            known = ", ".join(clients.ALL)
            raise typer.BadParameter(f"no client is called {name!r}: {known}")
    return names or []


def _found_clients(folder: Path, scope: Scope, installed: list[str]) -> list[str]:
    found = [client.name for client in traces.used(folder, scope)]
    if not found and not installed and scope is Scope.PROJECT:
        found = [c.name for c in traces.used(Path.home(), Scope.USER)]
    if not found and not installed:
        _fail(
            f"no client is found in {folder}: name one with --client "
            f"({', '.join(clients.ALL)})"
        )
    return found


def _carry_out(made: Plan, dry_run: bool) -> None:
    # Said when it is done: whoever reads only the first line does not stop it.
    lines = list(plan.explain(made))
    if not dry_run and (made.changes or made.after != made.before):
        apply.carry_out(made)
    for line in lines:
        out.print(line)
    if dry_run:
        out.print("nothing was written: this was a dry run")
        return
    served = [name for name in made.after.clients if name not in made.blocked]
    if served:
        titles = ", ".join(clients.ALL[name].title for name in served)
        out.print(f"installed for {titles} in {made.root}")
    elif made.before.clients and not made.after.clients:
        kept = "; what was kept is above" if made.kept else ""
        out.print(f"uninstalled from {made.root}{kept}")


def _report_blocked(made: Plan, done: str) -> None:
    """Fail if there are clients for which nothing could be done."""
    titles: dict[str, list[str]] = {}
    for name, why in made.blocked.items():
        titles.setdefault(why, []).append(clients.ALL[name].title)
    if titles:
        _fail(
            "\n".join(
                f"{why}; nothing was {done} for {', '.join(names)}"
                for why, names in titles.items()
            )
        )


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):  # whatever a console knows
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    app()


def _read(root: Path | None) -> Bundle:
    try:
        return bundle.read(root.resolve() if root else find_root(Path.cwd()))
    except ContractError as error:
        count = len(error.problems)
        err.print(str(error))
        _fail(f"{count} problem{'s' * (count > 1)}; nothing was written")


def _extract(found: Bundle) -> None:
    try:
        changes = extract.extract(found)
    except OSError as error:
        _fail(f"examples/ cannot be written ({error}); it is as it was")
    for path in changes.written:
        err.print(f"wrote examples/{path}")
    for path in changes.removed:
        err.print(f"removed examples/{path}")
    if changes.kept:
        names = ", ".join(changes.edited)
        err.print(f"kept what was edited in examples/ ({names}) in {changes.kept}")
    err.print(f"examples/ is what the documents say: {len(found.files)} files")


def _select(found: Bundle, names: list[str], kinds: list[Kind]) -> list[Block]:
    wanted: list[Block] = []
    for name in names or NAMES:
        document, _, line = name.removeprefix("./").partition(":")
        matching = [
            block
            for block in found.blocks
            if block.document == document and line in ("", str(block.line))
        ]
        if not matching and names:
            _fail(
                f"no block is at {name}: a block is named by its opening fence's line"
            )
        wanted += [block for block in matching if block not in wanted]
    chosen = [block for block in wanted if not kinds or block.kind in kinds]
    if not chosen:
        _fail("no block is chosen: nothing would be proven")
    return chosen


def _jobs(jobs: int | None) -> dict[str, int]:
    return {"jobs": jobs} if jobs else {}


def _update(found: Bundle, blocks: list[Block]) -> None:
    sessions = [block for block in blocks if block.kind is Kind.SESSION]
    with _failing_clearly():
        changed = prove.update_sessions(found, sessions)
    for place in changed:
        out.print(f"wrote the output of {place}")
    if not changed:
        out.print(f"{len(sessions)} sessions print what the documents say")


@contextlib.contextmanager
def _failing_clearly() -> Iterator[None]:
    try:
        yield
    except (typer.Exit, typer.Abort):  # which are RuntimeErrors
        raise
    except (ContractError, RewriteError, RuntimeError, ValueError, OSError) as error:
        _fail(str(error))


def _show(proof: proofs.Proof) -> None:
    err.rule(f"{proof.block.location} {proof.block.kind} not proven", style="red")
    err.print(proof.failure)


def _table(results: list[proofs.Proof]) -> Table:
    table = Table(title="Proofs")
    for name in ("document", "kind"):
        table.add_column(name)
    for name in ("blocks", "proven", "seconds"):
        table.add_column(name, justify="right")
    for row in prove.summarise(results):
        style = "" if row.proven == row.blocks else "red"
        cells = (row.document, row.kind, f"{row.blocks}", f"{row.proven}")
        table.add_row(*cells, f"{row.seconds:.1f}", style=style)
    return table


def _fail(message: str) -> NoReturn:
    err.print(Text("error: ", style="red") + Text(message))
    raise typer.Exit(1)
