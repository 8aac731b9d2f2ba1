"""prove and pytest: every block runs, and a failure shows its Markdown line."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from fastapi_patterns.program import Program
from fastapi_patterns.warm import Interpreter
from tests.conftest import EXAMPLES, Folder


def block(info: str, text: str) -> str:
    return f"# R\n\n## A section\n\n```{info}\n{text}\n```\n"


def prove(make_folder: Callable[..., Folder], info: str, text: str) -> tuple[int, str]:
    result = make_folder(reference=block(info, text)).run("prove", "reference.md")
    return result.code, result.text


SOUND = [
    ("python", "import fastapi\nassert fastapi.FastAPI().title"),
    ("python", "import warnings\nwith warnings.catch_warnings(record=True):\n    pass"),
    ("python", "if __name__ == '__main__':\n    ran = True\nassert ran"),
    (
        "python",
        "import pickle\nfrom dataclasses import dataclass\n\n\n@dataclass\nclass A:\n"
        "    b: 'int'\n\n\nassert pickle.loads(pickle.dumps(A(1))) == A(1)",
    ),
    ("python", "import pathlib\npathlib.Path('a.txt').write_text('x')"),
    ("python", "raise SystemExit(0)"),
    ("python", "import this"),
    ("python", "import os\npid = os.fork()\nif pid:\n    os.waitpid(pid, 0)"),
    (
        "python",
        "import sys\nimport threading\nthreading.Thread(target=sys.exit).start()",
    ),
    (
        "python",
        "from concurrent.futures import ThreadPoolExecutor\n"
        "pool = ThreadPoolExecutor()\nassert pool.submit(int).result() == 0",
    ),
    (
        "python",
        "import inspect\nimport multiprocessing\n\n\ndef double(n: int) -> int:\n"
        "    return 2 * n\n\n\nclass A: ...\n\n\nif __name__ == '__main__':\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
        "        assert pool.map(double, [2]) == [4]\n"
        "    assert inspect.getsource(A) == 'class A: ...\\n'",
    ),
    ('python {raises="ValueError: is bad"}', "raise ValueError('it is bad')"),
    ('python {raises="KeyError: a"}', "{}['a']"),
    (
        'python {raises="json.decoder.JSONDecodeError: Exp"}',
        "import json\njson.loads('')",
    ),
    ('python {raises="SyntaxError: invalid"}', "x = = 1"),
    ("python {.mistake}", "assert 0.1 + 0.2 != 0.3"),
    ('python {since="0.121"}', "import fastapi"),
    ('python {until="0.121"}', "raise RuntimeError('gone')"),
    ('python {raises="TypeError: x" until="0.100"}', "x = 1"),
    ("toml", "a = 1"),
    ("yaml", "a: [1]"),
    ("json", '{"a": null}'),
    ("ini", "[a]\nb = 1"),
    ("dockerfile", "# x\nARG V=1\nFROM python:$V\nRUN a \\\n  && b\nCMD x"),
    ("text {.tree}", "backend/\n└── __init__.py # the app"),
]


@pytest.mark.parametrize(("info", "text"), SOUND)
def test_a_sound_block_is_proven(
    info: str, text: str, make_folder: Callable[..., Folder]
) -> None:
    code, output = prove(make_folder, info, text)

    assert code == 0, output
    assert "1 proven, 0 failed" in output


UNSOUND = [
    (
        "python",
        "import sys\nimport threading\nt = threading.Thread(target=lambda: 1 / 0)\n"
        "t.start()\nt.join()\nsys.exit()",
        "ZeroDivisionError",
    ),
    ("json", "[" * 5000, "no valid json"),
    ("yaml", "a: !!bool foo", "no valid yaml"),
    ("python", 'raise ValueError("\\udcff")', "ValueError"),
    ("python", "assert 1 == 2", "assert 1 == 2"),
    ("python", "import warnings\nwarnings.warn('old')", "UserWarning: old"),
    ("python", "open('/dev/null')", "ResourceWarning"),
    ("python", "raise SystemExit(3)", "SystemExit: 3"),
    ("python", "import os\nos._exit(0)", "ended its process"),
    ("python", "import os\nos.kill(os.getpid(), 9)", "ended its process with -9"),
    (
        "python",
        "import threading\nthreading.Thread(target=lambda: 1 / 0).start()",
        "ZeroDivisionError",
    ),
    ("python", "import backend", "No module named 'backend'"),
    ('python {raises="ValueError: bad"}', "x = 1", "does not fail"),
    ('python {raises="ValueError: bad"}', "raise ValueError('good')", "otherwise"),
    ('python {raises="ValueError: bad"}', "raise TypeError('bad')", "otherwise"),
    ('python {raises="Exception: bad"}', "raise ValueError('bad')", "otherwise"),
    ("python {.mistake}", "assert 1 == 2", "AssertionError"),
    ('python {since="9999"}', "import fastapi", "holds at the installed version too"),
    ('python {since="0.121"}', "assert False", "AssertionError"),
    ('python {until="0.121"}', "import fastapi", "holds at the installed version too"),
    (
        'python {raises="ValueError: x" until="0.100"}',
        "raise ValueError('x')",
        "holds at the installed version too",
    ),
    ("toml", "a = ", "no valid toml"),
    ("yaml", "a: [", "no valid yaml"),
    ("json", '{"a": NaN}', "NaN is no JSON value"),
    ("json", "{'a': 1}", "no valid json"),
    ("ini", "a", "no valid ini"),
    ("dotenv", "SECRET KEY", "no NAME=value"),
    ("dotenv", "A=1\nA=2", "gives A again"),
    ("dockerfile", "RUN x", "does not begin with FROM"),
    ("dockerfile", "FROM x\nRUNN y", "unknown instruction 'RUNN'"),
    ("text {.tree}", "backend/\n└── main.py", "shows backend/main.py"),
    ("text {.tree}", "backend/\n nothing", "no line of a tree"),
]


@pytest.mark.parametrize(("info", "text", "says"), UNSOUND)
def test_an_unsound_block_is_not(
    info: str, text: str, says: str, make_folder: Callable[..., Folder]
) -> None:
    code, output = prove(make_folder, info, text)

    assert code == 1
    assert says in output
    assert "reference.md:5" in output
    assert "0 proven, 1 failed" in output


def test_a_tree_that_leaves_something_out_is_not_proven(
    make_folder: Callable[..., Folder],
) -> None:
    more = '\n```python title="backend/main.py"\nx = 1\n```\n'
    more += '\n```python title="backend/core/config.py"\ny = 1\n```\n'
    folder = make_folder(
        reference=block("text {.tree}", "backend/\n└── main.py"),
        examples=EXAMPLES + more,
    )

    assert "leaves backend/core out" in folder.run("prove", "reference.md").err
    folder.edit("reference.md", "└── main.py", "├── main.py\n└── ...")
    assert folder.run("prove", "reference.md").code == 0


def test_a_failure_shows_the_markdown_line(make_folder: Callable[..., Folder]) -> None:
    text = "def check(a):\n    b = a\n    assert a == b + 1\n\n\ncheck(1)"
    _, output = prove(make_folder, "python", text)

    assert 'reference.md", line 11, in <module>' in output
    assert 'reference.md", line 8, in check\n    assert a == b + 1' in output
    assert "assert 1 == (1 + 1)" in output


def test_blocks_do_not_see_each_other(make_folder: Callable[..., Folder]) -> None:
    one = "import json\nimport sys\njson.mark = sys.mark = 1\n"
    two = (
        "import json\nimport sys\nassert not {'mark'} & (vars(sys) | vars(json)).keys()"
    )
    folder = make_folder(reference=block("python", one) + block("python", two))

    assert folder.run("prove", "reference.md", "--jobs", "1").code == 0


def test_a_long_word_in_a_failure_is_no_trap(
    make_folder: Callable[..., Folder],
) -> None:
    _, output = prove(make_folder, "python", 'print("x" * 400_000)\nassert False')

    assert "AssertionError" in output


def test_what_is_shown_is_shown_as_it_is(make_folder: Callable[..., Folder]) -> None:
    _, output = prove(make_folder, "python", 'raise ValueError("[red]a:100: b[/a]")')

    assert "ValueError: [red]a:100: b[/a]" in output


def test_a_file_with_another_modules_name_is_not_proven(
    make_folder: Callable[..., Folder],
) -> None:
    text = '\n```python title="json.py"\nraise ValueError\n```\n'
    migration = '\n```python title="versions/0001_first.py"\nx = 1\n```\n'
    folder = make_folder(examples=EXAMPLES + text + migration)
    folder.run("extract")

    result = folder.run("prove", "examples.md")

    assert "another module has its name" in result.err
    assert "2 proven, 1 failed" in result.out


def test_a_report_that_cannot_be_written_is_told_first(
    make_folder: Callable[..., Folder],
) -> None:
    folder = make_folder(reference=block("python", "x = 1"))

    result = folder.run("prove", "reference.md", "--report", str(folder.path))

    assert result.code == 1
    assert "Is a directory" in result.err
    assert "Proofs" not in result.out


def test_a_program_that_does_not_end_is_stopped() -> None:
    with Interpreter() as interpreter:
        outcome = interpreter.run(Program("while True: pass", "x.md", 0), timeout=1)
        again = interpreter.run(Program("x = 1", "x.md", 0))

    assert outcome.error == ("TimedOut",)
    assert again.ok


def test_a_program_that_runs_pytest_does_not_change_the_next() -> None:
    # Hypothesis' plugin takes its import for the beginning of a test run.
    runs = "import pytest\npytest.main(['-q', '-p', 'no:cacheprovider', '--co'])"
    draws = (
        "from hypothesis import given, strategies\n\n\n"
        "@given(strategies.builds(dict, a=strategies.integers()))\n"
        "def check(made: object) -> None: ...\n\n\ncheck()"
    )
    with Interpreter() as interpreter:
        assert interpreter.run(Program(runs, "a.md", 1)).ok
        outcome = interpreter.run(Program(draws, "b.md", 1))
    assert outcome.ok, outcome.message


@pytest.mark.parametrize("fork", [True, False])
def test_with_and_without_fork_a_program_ends_the_same(fork: bool) -> None:
    texts = [
        "x = 1",
        "assert 1 == 2",
        "print('hello')\nraise ValueError('é')",
        "import os; os._exit(4)",
    ]
    with Interpreter(fork=fork) as interpreter:
        ended = [interpreter.run(Program(text, "x.md", 0)) for text in texts]

    assert [outcome.error[:1] for outcome in ended] == [
        (),
        ("AssertionError",),
        ("ValueError",),
        ("ProcessDied",),
    ]
    assert ended[2].message == "é"
    assert ended[2].output.startswith("hello")


def test_a_test_file_is_proven_by_its_tests(make_folder: Callable[..., Folder]) -> None:
    test = (
        '\n```python title="backend/test_it.py"\ndef test_it() -> None:\n'
        "    value = 1\n    assert value == 2\n```\n"
    )
    folder = make_folder(examples=EXAMPLES + test)
    folder.run("extract")

    result = folder.run("prove", "examples.md")

    assert result.code == 1
    assert "examples.md:10: in test_it" in result.err
    assert "assert 1 == 2" in result.err


def test_a_file_that_is_not_extracted_is_not_proven(
    make_folder: Callable[..., Folder],
) -> None:
    result = make_folder().run("prove", "examples.md")

    assert result.code == 1
    assert "is not what the blocks make" in result.err


def test_the_report_holds_every_block(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder(reference=block('python {since="0.121"}', "import fastapi"))
    folder.run("extract")
    path = folder.path / "report.json"

    result = folder.run("prove", "--report", str(path))

    report = json.loads(path.read_text())
    assert [(b["document"], b["line"], b["kind"]) for b in report["blocks"]] == [
        ("reference.md", 5, "since"),
        ("examples.md", 3, "file"),
    ]
    assert all(b["proven"] for b in report["blocks"])
    assert report["blocks"][0]["since"] == "fastapi 0.121"
    assert report["versions"]["fastapi"] in result.out


def test_what_to_prove_can_be_chosen(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder(
        reference=block("python", "x = 1") + block("python {.mistake}", "assert True")
    )

    assert "1 proven" in folder.run("prove", "reference.md:5").out
    assert "1 proven" in folder.run("prove", "--kind", "mistake").out
    assert folder.run("prove", "reference.md:6").code == 1


class TestPytest:
    """The same blocks as pytest items."""

    @pytest.fixture
    def folder(self, make_folder: Callable[..., Folder]) -> Folder:
        folder = make_folder(
            reference=block("python", "assert 1 == 2")
            + block("python {.mistake}", "assert True").replace(
                "A section", "Other one"
            )
        )
        folder.run("extract")
        return folder

    def test_items_are_named_by_document_and_line(self, folder: Folder) -> None:
        result = folder.pytest("--collect-only", "-q", *("SKILL.md", "reference.md"))

        assert "reference.md::5[program-a-section]" in result.out
        assert "reference.md::12[mistake-other-one]" in result.out

    def test_a_failing_item_shows_its_line(self, folder: Folder) -> None:
        result = folder.pytest("reference.md")

        assert result.code == 1
        assert "reference.md:5: program not proven" in result.out
        assert 'reference.md", line 6, in <module>' in result.out
        assert "1 failed, 1 passed" in result.out

    def test_k_x_n_and_a_line_choose(self, folder: Folder) -> None:
        documents = ("reference.md", "examples.md")

        assert "1 passed" in folder.pytest("reference.md::12").out
        assert "1 passed, 2 deselected" in folder.pytest("-k", "other", *documents).out
        assert "1 failed in" in folder.pytest("-x", *documents).out
        assert "1 failed, 2 passed" in folder.pytest("-n", "2", *documents).out

    def test_broken_documents_are_told_at_collection(self, folder: Folder) -> None:
        folder.edit("reference.md", "{.mistake}", "{.mistak}")

        result = folder.pytest("reference.md")

        assert result.code == 2
        assert "reference.md:12: unknown class 'mistak': did you mean" in result.out

    def test_a_missing_document_is_told_too(self, folder: Folder) -> None:
        (folder.path / "SKILL.md").unlink()

        result = folder.pytest("reference.md")

        assert result.code == 2
        assert "SKILL.md:1: the document is missing" in result.out

    def test_other_markdown_is_left_alone(self, folder: Folder) -> None:
        folder.write("README.md", "```python\nraise ValueError\n```\n")

        assert "no tests" in folder.pytest("README.md").out
