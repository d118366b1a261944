"""The ladder: what each step finds, and what the evidence then says."""

import asyncio
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox import Check, Evidence, Limits, NonoSandbox, Sandbox, SourceFile, Verifier, open_sandbox
from tests.processes import PATIENCE_S

Solution = Callable[[str], list[SourceFile]]

SQUARE = "def f(x):\n    return x * x\n\n_private = 7\n"


def names(evidence: Evidence) -> list[str]:
    return [check.name for check in evidence.checks]


def failure(evidence: Evidence) -> Check:
    assert evidence.status == "failed"
    assert evidence.failure is not None
    return evidence.failure


async def test_a_good_solution_is_verified(verifier: Verifier, solution: Solution) -> None:
    evidence = await verifier.verify(
        solution(SQUARE), tests="assert f(2) == 4", acceptance="assert f(3) == 9"
    )
    assert evidence.status == "verified"
    assert names(evidence) == ["parse", "compile", "import", "lint", "tests", "acceptance"]
    assert evidence.sandbox is not None
    assert evidence.sandbox.startswith("nono")
    assert evidence.score == (5, 2)


async def test_every_backend_verifies(backend: Sandbox, solution: Solution) -> None:
    evidence = await Verifier(backend).verify(solution(SQUARE), tests="assert f(2) == 4")
    assert evidence.status == "verified", evidence
    assert evidence.sandbox == backend.name
    evidence = await Verifier(backend).verify(solution(SQUARE), tests="assert f(2) == 5")
    assert evidence.status == "failed"


async def test_without_tests_a_solution_that_imports_is_verified(
    verifier: Verifier, solution: Solution
) -> None:
    evidence = await verifier.verify(solution(SQUARE))
    assert evidence.status == "verified"
    assert names(evidence) == ["parse", "compile", "import", "lint"]


@pytest.mark.parametrize(
    ("code", "step", "words"),
    [
        ("def (:", "parse", "solution.py: SyntaxError: invalid syntax (line 1)"),
        ("x = '\0'", "parse", "null byte"),
        ("(" * 50_000, "parse", "too many nested parentheses"),
        ("-" * 200_000 + "1", "parse", ""),
        ("return 3", "compile", "'return' outside function"),
        ("1 / 0", "import", "ZeroDivisionError: division by zero (solution.py, line 1)"),
        ("import nothing_of_that_name", "import", "ModuleNotFoundError"),
        ("raise SystemExit(0)", "import", "SystemExit"),
        ("import os; os._exit(0)", "import", "exited with code 0 before it had finished"),
        ("import ctypes; ctypes.string_at(0)", "import", "SIGSEGV"),
        ("import os; os.kill(os.getpid(), 9)", "import", "SIGKILL"),
        ("class E(Exception):\n  def __str__(self): raise E\nraise E", "import", "could not be shown"),
    ],
)
async def test_a_bad_solution_fails_at_the_right_step(
    verifier: Verifier, solution: Solution, code: str, step: str, words: str
) -> None:
    evidence = await verifier.verify(solution(code), tests="assert True")
    check = failure(evidence)
    assert (check.name, "tests" in names(evidence)) == (step, False), check
    assert words in check.detail


async def test_an_endless_import_is_stopped_and_said_so(hurried: Verifier, solution: Solution) -> None:
    check = failure(await hurried.verify(solution("print('here', flush=True)\nwhile True: pass")))
    assert check.name == "import"
    assert check.detail.startswith("stopped after 1 s")
    assert check.output == "here"


async def test_an_endless_case_is_named(hurried: Verifier, solution: Solution) -> None:
    code = "def f(x):\n    while x > 1: pass\n    return x"
    check = failure(await hurried.verify(solution(code), tests="assert f(1) == 1\nassert f(2) == 2"))
    assert "stopped after 1 s at f(2) == 2" in check.detail
    assert [(case.name, case.passed) for case in check.cases] == [("f(1) == 1", True), ("f(2) == 2", False)]


@pytest.mark.skipif("sys.platform != 'linux'", reason="macOS has no address space limit")
async def test_a_lack_of_memory_is_named(verifier: Verifier, solution: Solution) -> None:
    check = failure(await verifier.verify(solution("def f(): return bytearray(4 << 30)"), tests="assert f()"))
    assert "MemoryError" in check.detail


async def test_a_flood_of_output_disturbs_nothing(verifier: Verifier, solution: Solution) -> None:
    code = (
        "import sys\nfor n in range(20000): print('PASSED', n); print('x' * 50, file=sys.stderr)\n" + SQUARE
    )
    assert (await verifier.verify(solution(code), tests="assert f(2) == 4")).status == "verified"
    check = failure(await verifier.verify(solution(code + "1 / 0"), tests="assert f(2) == 4"))
    assert check.output.endswith("PASSED 19999")
    assert len(check.output) < 1100


async def test_lint_advises_and_decides_nothing(verifier: Verifier, solution: Solution) -> None:
    evidence = await verifier.verify(solution("def f():\n    return missing\n"))
    lint = next(check for check in evidence.checks if check.name == "lint")
    assert (lint.passed, lint.required) == (False, False)
    assert "solution.py:2: F821" in lint.detail
    assert evidence.status == "verified"


async def test_lint_ignores_configuration_of_the_solution(verifier: Verifier) -> None:
    files = [
        SourceFile(path="solution.py", content="def f():\n    return missing\n"),
        SourceFile(path="ruff.toml", content='lint.ignore = ["F821"]\n'),
    ]
    evidence = await verifier.verify(files)
    assert any(check.name == "lint" and not check.passed for check in evidence.checks)


async def test_lint_is_silent_where_parsing_failed(verifier: Verifier) -> None:
    files = [
        SourceFile(path="solution.py", content="import nothing_used\ndef f(:\n"),
        SourceFile(path="good.py", content="def g():\n    return missing\n"),
    ]
    told: list[str] = []
    evidence = await verifier.verify(files, tests="assert f", on_check=lambda check: told.append(check.name))
    assert names(evidence) == told == ["parse"]


async def test_lint_knows_the_python_that_runs(verifier: Verifier, solution: Solution) -> None:
    evidence = await verifier.verify(solution("try:\n    pass\nexcept* ValueError:\n    pass\n"))
    assert [(check.name, check.passed) for check in evidence.checks][-1] == ("lint", True)


async def test_generated_tests_that_do_not_parse_are_set_aside(
    verifier: Verifier, solution: Solution
) -> None:
    evidence = await verifier.verify(solution(SQUARE), tests="assert f(2) == 4", acceptance="assert (")
    check = evidence.checks[-1]
    assert (check.name, check.passed, check.required) == ("acceptance", False, False)
    assert check.detail.startswith("set aside: the generated tests do not parse: SyntaxError")
    assert evidence.status == "verified"


async def test_generated_tests_decide_when_they_parse(verifier: Verifier, solution: Solution) -> None:
    evidence = await verifier.verify(solution(SQUARE), acceptance="assert f(2) == 5")
    assert failure(evidence).name == "acceptance"


async def test_failing_tests_stop_the_generated_ones(verifier: Verifier, solution: Solution) -> None:
    evidence = await verifier.verify(
        solution(SQUARE), tests="assert f(2) == 5", acceptance="assert f(2) == 4"
    )
    assert failure(evidence).name == "tests"
    assert "acceptance" not in names(evidence)


async def test_several_modules_packages_and_data(verifier: Verifier) -> None:
    files = [
        SourceFile(path="helpers/__init__.py", content="from helpers.deep import g\n"),
        SourceFile(path="helpers/deep.py", content="def g(): return 3\n"),
        SourceFile(path="data/values.txt", content="42"),
        SourceFile(
            path="solution.py",
            content="from pathlib import Path\nfrom helpers import g\n"
            "value = Path('data/values.txt').read_text()\n",
        ),
    ]
    tests = "from helpers.deep import g as again\nassert g() == again() == 3\nassert value == '42'"
    assert (await verifier.verify(files, tests=tests)).status == "verified"


async def test_a_single_module_of_another_name_is_seen_too(verifier: Verifier) -> None:
    files = [SourceFile(path="shapes.py", content=SQUARE)]
    tests = "from solution import f as g\nfrom shapes import f as h\nassert f(2) == g(2) == h(2) == 4"
    assert (await verifier.verify(files, tests=tests)).status == "verified"


async def test_a_module_may_have_the_name_of_a_standard_one(verifier: Verifier) -> None:
    files = [SourceFile(path="statistics.py", content="def mean(values): return 'own'\n")]
    assert (await verifier.verify(files, tests="assert mean([]) == 'own'")).status == "verified"


async def test_no_python_file_means_not_executed(verifier: Verifier) -> None:
    for files in ([], [SourceFile(path="README.md", content="words")]):
        evidence = await verifier.verify(files)
        assert (evidence.status, evidence.reason) == ("not_executed", "the solution holds no Python file")


async def test_main_blocks_do_not_run(verifier: Verifier, solution: Solution) -> None:
    block = "if __name__ == '__main__':\n    raise SystemExit('ran')\n"
    assert (
        await verifier.verify(solution(SQUARE + block), tests=f"assert f(2) == 4\n{block}")
    ).status == "verified"


async def test_each_check_is_told_as_it_is_known(verifier: Verifier, solution: Solution) -> None:
    told: list[tuple[str, int]] = []
    evidence = await verifier.verify(
        solution(SQUARE),
        tests="assert f(2) == 4",
        on_check=lambda check: told.append((check.name, threading.get_ident())),
    )
    assert [name for name, _ in told] == names(evidence)
    assert {thread for _, thread in told} == {threading.get_ident()}


async def test_many_at_once(verifier: Verifier, solution: Solution) -> None:
    wanted = [n % 2 == 0 for n in range(12)]
    runs = [
        verifier.verify(solution(f"x = {n}"), tests=f"assert x == {n if good else -1}")
        for n, good in enumerate(wanted)
    ]
    found = await asyncio.gather(*runs)
    assert [evidence.status == "verified" for evidence in found] == wanted


def scratch_folders() -> list[str]:
    return [path.name for path in Path(tempfile.gettempdir()).glob("duograph-*")]


async def test_nothing_is_left_on_disk(
    verifier: Verifier, solution: Solution, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    code = (
        "import os\n"
        "os.makedirs('locked/inner')\nopen('locked/inner/file', 'w').close()\n"
        "os.chmod('locked/inner', 0)\nos.chmod('locked', 0)\n"
        "home = os.getcwd()\n"
        "for n in range(1500):\n    os.mkdir('d'); os.chdir('d')\n"
        "os.symlink('/', 'root')\nos.chdir(home)\nos.chmod('.', 0o500)\n"
    )
    assert (await verifier.verify(solution(code))).status == "verified"
    assert scratch_folders() == []


async def test_cancelling_leaves_nothing(
    solution: Solution, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    verifier = Verifier(NonoSandbox(), limits=Limits(wall_s=60))
    task = asyncio.create_task(verifier.verify(solution("open('born', 'w').close()\nwhile True: pass")))
    async with asyncio.timeout(PATIENCE_S):
        while not await asyncio.to_thread(lambda: list(tmp_path.glob("duograph-*/born"))):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert scratch_folders() == []


async def test_the_event_loop_is_never_blocked(verifier: Verifier, solution: Solution) -> None:
    blockbuster = pytest.importorskip("blockbuster", reason="comes with the studio extra")
    with blockbuster.blockbuster_ctx():
        assert isinstance(await open_sandbox(), NonoSandbox)
        assert (await verifier.verify(solution(SQUARE), tests="assert f(2) == 4")).status == "verified"


async def test_the_users_tests_outrank_generated_ones(verifier: Verifier, solution: Solution) -> None:
    evidence = await verifier.verify(
        solution(SQUARE), tests="assert f(2) == 4", acceptance="assert f(2) == 5"
    )
    assert evidence.status == "verified"
    advice = evidence.checks[-1]
    assert (advice.name, advice.passed, advice.required) == ("acceptance", False, False)


async def test_generated_tests_decide_where_the_user_gave_none(
    verifier: Verifier, solution: Solution
) -> None:
    evidence = await verifier.verify(solution(SQUARE), acceptance="assert f(2) == 5")
    assert failure(evidence).name == "acceptance"


async def test_generated_tests_without_a_test_are_set_aside(verifier: Verifier, solution: Solution) -> None:
    evidence = await verifier.verify(solution(SQUARE), acceptance="# nothing to test here\n")
    assert evidence.status == "verified"
    assert (evidence.checks[-1].name, evidence.checks[-1].required) == ("acceptance", False)
