"""The types step: mypy over files that nobody trusts."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox import Check, Evidence, NonoSandbox, Options, SandboxError, SourceFile, Verifier
from sandbox import typecheck as room
from sandbox.typecheck import OPTIONS

Solution = Callable[[str], list[SourceFile]]

GOOD = "def f(x: int) -> int:\n    return x * x\n"
BAD = "def f(x: int) -> str:\n    return x * x\n"
ASKED = Options(types=True)

# One run of mypy takes a second of its own, and the machine that tests is not alone.
pytestmark = pytest.mark.usefixtures("patient")


@pytest.fixture
def patient(verifier: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifier, "_limits", room._LIMITS)  # noqa: SLF001 - only longer


def types(evidence: Evidence) -> Check:
    return next(check for check in evidence.checks if check.name == "types")


async def test_types_are_checked_when_asked_for(verifier: Verifier, solution: Solution) -> None:
    told: list[str] = []
    evidence = await verifier.verify(
        solution(GOOD),
        tests="assert f(2) == 4",
        options=ASKED,
        on_check=lambda check: told.append(check.name),
    )
    assert evidence.status == "verified"
    assert told == [check.name for check in evidence.checks]
    assert told == ["parse", "compile", "import", "lint", "types", "tests"]
    assert (types(evidence).exit_code, types(evidence).findings) == (0, [])
    assert "types" not in {check.name for check in (await verifier.verify(solution(BAD))).checks}


async def test_a_wrong_type_forbids_verified_and_is_a_finding(verifier: Verifier, solution: Solution) -> None:
    evidence = await verifier.verify(solution(BAD), tests="assert f(2) == 4", options=ASKED)
    assert evidence.status == "failed"
    assert evidence.failure == types(evidence)
    (finding,) = types(evidence).findings
    assert (finding.file, finding.line, finding.code) == ("solution.py", 2, "return-value")
    assert types(evidence).detail == str(finding)
    assert types(evidence).exit_code == 1
    assert types(evidence).command == f"mypy {' '.join(OPTIONS)} solution.py"


async def test_switching_the_checker_off_is_a_finding(verifier: Verifier) -> None:
    tricks = [
        "# mypy: ignore-errors\n" + BAD,
        "# type: ignore\n" + BAD,
        BAD.replace("x * x", "x * x  # type:ignore[return-value]"),
        "import typing\n@typing.no_type_check\n" + BAD,
    ]
    files = [SourceFile(path=f"part{at}.py", content=trick) for at, trick in enumerate(tricks)]
    evidence = await verifier.verify(files, options=ASKED)
    assert evidence.status == "failed"
    found = {
        (finding.file, finding.line) for finding in types(evidence).findings if finding.code == "switched-off"
    }
    assert found == {("part0.py", 1), ("part1.py", 1), ("part2.py", 2), ("part3.py", 2)}


TWO_FACED = {
    "if": "import typing\nif typing.TYPE_CHECKING:\n    def f(x: int) -> str: ...\nelse:\n    {}\n",
    "not": "MYPY = False\nif not MYPY:\n    {}\n",
    "or": "MYPY = False\nif MYPY or 0:\n    pass\nelse:\n    {}\n",
    "another name": "from typing import TYPE_CHECKING as checked\nif not checked:\n    {}\n",
    "one more name": (
        "import typing\nchecked = typing.TYPE_CHECKING\nchecked_too = checked\nif not checked:\n    {}\n"
    ),
    "assert": "from typing import TYPE_CHECKING\nassert not TYPE_CHECKING\n{}\n",
    "while": "MYPY = False\nwhile not MYPY:\n    {}\n    break\n",
    "lambda": "MYPY = False\nif not MYPY:\n    f = lambda x: x * 'a'.b\n",
    "within": "MYPY = False\ndef f(x: int) -> str:\n    if MYPY:\n        return ''\n    return x * x\n",
    "conditional": "MYPY = False\ndef f(x: int) -> str:\n    return '' if MYPY else x * x\n",
    "filter": "MYPY = False\ndef f(x: int) -> list[str]:\n    return [x for _ in (1,) if not MYPY]\n",
}


@pytest.mark.slow
async def test_what_only_the_checker_or_only_a_run_sees_is_a_finding(verifier: Verifier) -> None:
    wrong = "def f(x: int) -> str:\n        return x * x"
    files = [
        SourceFile(path=f"part{at}.py", content=form.format(wrong))
        for at, form in enumerate(TWO_FACED.values())
    ]
    evidence = await verifier.verify(files, options=ASKED)
    assert evidence.status == "failed", evidence
    found = {finding.file for finding in types(evidence).findings if finding.code == "two-faced"}
    assert found == {file.path for file in files}, evidence


async def test_imports_for_the_checker_alone_are_none(verifier: Verifier) -> None:
    codes = [
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from collections.abc import Sequence\n",
        "TYPE_CHECKING = False\nif TYPE_CHECKING:\n    import decimal\nelse:\n    Number = int\n",
        "import typing as t\nif t.TYPE_CHECKING:\n    import decimal\n    Number = int | decimal.Decimal\n",
    ]
    files = [SourceFile(path=f"part{at}.py", content=code + GOOD) for at, code in enumerate(codes)]
    evidence = await verifier.verify(files, options=ASKED)
    assert evidence.status == "verified", evidence


SQRT = "def sqrt(x: int) -> str: ...\n"


@pytest.mark.slow
async def test_a_stub_stands_for_no_installed_module(verifier: Verifier, solution: Solution) -> None:
    files = [*solution("from math import sqrt\ndef f(x: int) -> float:\n    return sqrt(x)\n")]
    stubs = ["math.pyi", "pydantic/__init__.pyi", "decimal/__init__.pyi", "my-stubs/a.pyi"]
    evidence = await verifier.verify(
        [*files, *(SourceFile(path=stub, content=SQRT) for stub in stubs)], options=ASKED
    )
    assert evidence.status == "failed"
    assert {(stub, "shadowing-stub") for stub in stubs} <= {
        (each.file, each.code) for each in types(evidence).findings
    }
    own = SourceFile(path="solution.pyi", content="def f(x: int) -> float: ...\n")
    evidence = await verifier.verify([*files, own], options=ASKED)
    assert evidence.status == "verified", evidence


@pytest.mark.slow
async def test_a_text_that_looks_like_a_switch_is_none(verifier: Verifier, solution: Solution) -> None:
    evidence = await verifier.verify(solution('x: str = "# type: ignore"\n'), options=ASKED)
    assert evidence.status == "verified"


PLUGIN = (
    "from pathlib import Path\nPath('loaded').write_text('x')\ndef plugin(version): raise SystemExit(0)\n"
)
CONFIGURATIONS = {
    "mypy.ini": "[mypy]\nplugins = evil.py\nignore_errors = True\n",
    ".mypy.ini": "[mypy]\nplugins = evil.py\nignore_errors = True\n",
    "setup.cfg": "[mypy]\nplugins = evil.py\nignore_errors = True\n",
    "pyproject.toml": '[tool.mypy]\nplugins = ["evil.py"]\nignore_errors = true\n',
}


@pytest.mark.slow
async def test_a_configuration_of_the_solution_loads_no_plugin(verifier: Verifier, tmp_path: Path) -> None:
    files = [SourceFile(path="solution.py", content=BAD), SourceFile(path="evil.py", content=PLUGIN)]
    files += [SourceFile(path=name, content=text) for name, text in CONFIGURATIONS.items()]
    evidence = await verifier.verify(files, options=ASKED)
    assert "return-value" in {finding.code for finding in types(evidence).findings}
    # That the same files would take mypy over where it looks for a configuration:
    for file in files:
        (tmp_path / file.path).write_text(file.content)
    mypy = await asyncio.create_subprocess_exec(sys.executable, "-m", "mypy", "solution.py", cwd=tmp_path)
    assert await mypy.wait() == 0
    assert (tmp_path / "loaded").exists()


@pytest.mark.slow
async def test_modules_of_the_solution_do_not_stand_in_for_mypys(verifier: Verifier) -> None:
    evil = "raise SystemExit(0)\n"
    files = [SourceFile(path="solution.py", content=BAD)] + [
        SourceFile(path=f"{name}.py", content=evil) for name in ("mypy", "tokenize", "sitecustomize")
    ]
    checked = types(await verifier.verify(files, options=ASKED))
    assert not checked.passed


@pytest.mark.slow
async def test_several_modules_are_checked_together(verifier: Verifier) -> None:
    files = [
        SourceFile(
            path="solution.py", content="from a.tool import f\nfrom b.tool import g\nx: int = f() + g()\n"
        ),
        SourceFile(path="a/tool.py", content="def f() -> int:\n    return 1\n"),
        SourceFile(path="b/tool.py", content="def g() -> int:\n    return 1\n"),
    ]
    assert types(await verifier.verify(files, options=ASKED)).passed
    files[2] = SourceFile(path="b/tool.py", content="def g() -> str:\n    return ''\n")
    (finding,) = types(await verifier.verify(files, options=ASKED)).findings
    assert (finding.file, finding.code) == ("solution.py", "operator")


@pytest.mark.slow
async def test_a_missing_package_is_no_wrong_type(verifier: Verifier, solution: Solution) -> None:
    code = "try:\n    import nothing_of_that_name\nexcept ImportError:\n    pass\n"
    assert (await verifier.verify(solution(code), options=ASKED)).status == "verified"


async def test_without_mypy_nothing_is_verified_and_nothing_is_the_codes_fault(
    verifier: Verifier, solution: Solution, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "site_folders", list)
    evidence = await verifier.verify(solution(GOOD), tests="assert f(2) == 4", options=ASKED)
    check = types(evidence)
    assert (evidence.status, evidence.failure) == ("not_executed", None)
    assert evidence.reason == "types: mypy is not installed: pip install 'duograph[types]'"
    assert (check.passed, check.executed) == (False, False)
    assert [one.name for one in evidence.checks if one.passed] == [
        "parse",
        "compile",
        "import",
        "lint",
        "tests",
    ]
    # What did run still counts against the code.
    failed = await verifier.verify(solution(GOOD), tests="assert f(2) == 5", options=ASKED)
    assert (failed.status, failed.failure and failed.failure.name) == ("failed", "tests")


async def test_mypy_is_stopped_with_the_run(tmp_path: Path) -> None:
    (tmp_path / "solution.py").write_text(GOOD)
    files = [SourceFile(path="solution.py", content=GOOD)]
    check = await room.check_types(NonoSandbox(), tmp_path, files, seconds=0.2)
    assert (check.passed, check.executed) == (False, True)
    assert check.detail.startswith("mypy was stopped after 0.2 s: raise verify_timeout_s")


async def test_a_sandbox_that_fails_is_not_the_codes_fault(
    verifier: Verifier, solution: Solution, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_words: object, **_more: object) -> None:
        raise SandboxError("no more processes")

    run = room.check_types

    async def broken(sandbox: object, *given: object, **more: object) -> Check:
        del sandbox
        return await run(type("Broken", (), {"name": "broken", "run": refuse})(), *given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr("sandbox.climb.check_types", broken)
    evidence = await verifier.verify(solution(GOOD), options=ASKED)
    assert (evidence.status, evidence.reason) == ("not_executed", "types: no more processes")
