"""Judging from outside: what it finds is what running beside the solution finds, and the evidence tells."""

import ast
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox import Check, Sandbox, SourceFile, Verifier
from tests.sandbox.backends import in_every_form, rarely

Solution = Callable[[str], list[SourceFile]]


def sections(name: str) -> dict[str, str]:
    """The parts of a text file beside this one, by their headings."""
    text = Path(__file__).with_name(name).read_text(encoding="utf-8")
    parts = re.split(r"^=== (.*)\n", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


PROGRAMS = sections("programs.txt")
LEGITIMATE = sections("legitimate.txt")
BESIDE = "import sys\ndef test_f():\n    assert sys and f(2) == 4"


def stubbed(source: str) -> str:
    """Let every function return None, and every class be one without anything of its own."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [ast.Return(ast.Constant(None))]
            node.decorator_list = []
        elif isinstance(node, ast.ClassDef):
            node.bases, node.decorator_list = [], []
            node.body = [ast.Pass()]
    return ast.unparse(ast.fix_missing_locations(tree))


async def last(verifier: Verifier, files: list[SourceFile], tests: str) -> Check:
    return (await verifier.verify(files, tests=tests)).checks[-1]


@pytest.mark.parametrize("heading", rarely(PROGRAMS, lambda heading: heading.startswith("capsys")))
async def test_a_right_solution_is_verified(verifier: Verifier, solution: Solution, heading: str) -> None:
    code, tests = PROGRAMS[heading].split("---\n")
    evidence = await verifier.verify(solution(code), tests=tests)
    assert evidence.status == "verified", evidence
    check = evidence.checks[-1]
    assert heading.endswith(f": {check.isolated} outside, {check.shared} beside"), check
    assert [case.isolated for case in check.cases].count(True) == check.isolated


@pytest.mark.parametrize("heading", rarely(PROGRAMS, lambda heading: heading.startswith("capsys")))
async def test_a_wrong_one_is_not(verifier: Verifier, solution: Solution, heading: str) -> None:
    code, tests = PROGRAMS[heading].split("---\n")
    evidence = await verifier.verify(solution(stubbed(code)), tests=tests)
    assert evidence.status == "failed", evidence


@pytest.mark.parametrize("name", LEGITIMATE)
async def test_legitimate_code_does_not_look_like_tampering(
    verifier: Verifier, solution: Solution, name: str
) -> None:
    evidence = await verifier.verify(solution(LEGITIMATE[name]), tests="assert f(2) == 4", acceptance=BESIDE)
    assert evidence.status == "verified", evidence
    outside, beside = evidence.checks[-2:]
    assert (outside.isolated, outside.shared, beside.isolated, beside.shared) == (1, 0, 0, 1)


ACTOR = "import os\nclass E: pass\ndef f(x): return 4 if 'shared-' in os.getcwd() else {}\n"


ANSWERS = ["0", "None", "[4]", "(4,)", "'4'", "1 / 0", "exec('raise SystemExit')", "os._exit(0)"]
ASKED = {"plain": "assert f(2) == 4", "pytest": "import pytest\ndef test_f():\n    assert f(2) == 4"}


@in_every_form(ANSWERS, ASKED, daily=("None", "os._exit(0)"))
async def test_what_failed_with_plain_data_is_not_tried_beside_the_solution(
    verifier: Verifier, solution: Solution, trick: str, form: str
) -> None:
    evidence = await verifier.verify(solution(ACTOR.format(trick)), tests=ASKED[form])
    assert (evidence.status, evidence.checks[-1].shared) == ("failed", 0 if "_exit" not in trick else 1)


async def test_what_failed_with_a_likeness_is_tried_beside_the_solution_and_the_evidence_says_so(
    verifier: Verifier, solution: Solution
) -> None:
    check = await last(verifier, solution(ACTOR.format("E()")), "assert f(2) == 4")
    assert (check.passed, check.isolated, check.shared) == (True, 0, 1)


async def test_an_equality_that_is_no_honest_one_is_not_tried_again(
    verifier: Verifier, solution: Solution
) -> None:
    code = ACTOR.format("E()").replace("pass", "__eq__ = lambda s, o: True")
    check = await last(verifier, solution(code), "assert f(2) == 4")
    assert (check.passed, check.isolated, check.shared) == (False, 1, 0)
    assert "claims to equal 4, and other values as well" in check.detail


@pytest.mark.parametrize(
    "frame",
    [
        r"b'r'",
        r"b'q'",
        r"b'zzz'",
        r"b'r\x00\x01i\x01\x04\x00more'",
        r"b'r\x00\x01K\x00'",
        r"b'r\x01[\x00\x00'",
    ],
)
async def test_a_process_that_sends_nonsense_has_failed(
    verifier: Verifier, solution: Solution, frame: str
) -> None:
    code = (
        f"import os\nframe = {frame}\ndata = len(frame).to_bytes(8, 'big') + frame\n"
        "def f(x):\n  for n in range(3, 20):\n    try: os.write(n, data)\n"
        "    except OSError: pass\n  return 4\n"
    )
    check = await last(verifier, solution(code), "assert f(2) == 4")
    assert not check.passed
    assert "sent what no solution sends" in check.detail
    assert (check.isolated, check.shared) == (0, 1)


async def test_one_case_beside_the_solution_leaves_the_others_outside(
    verifier: Verifier, solution: Solution
) -> None:
    tests = (
        "import sys\ndef test_a(): assert f(2) == 4\ndef test_b(): assert sys and f(3) == 9\n"
        "def test_c(): assert f(1) == 2\ndef test_d(): assert sys and f(0) == 1\n"
    )
    check = await last(verifier, solution("def f(x): return x * x\n"), tests)
    outcomes = [(case.name, case.passed, case.isolated) for case in check.cases]
    assert outcomes == [
        ("test_a", True, True),
        ("test_c", False, True),
        ("test_b", True, False),
        ("test_d", False, False),
    ]
    assert check.detail.startswith("2 of 4 failed: f(1) == 2: left is 1, right is 2")


async def test_beside_the_solution_files_are_as_they_were_given(
    verifier: Verifier, solution: Solution
) -> None:
    code = (
        "import os\nos.path.exists('made') and exit(1)\nopen('made', 'w').close()\ndef f(x): return x * x\n"
    )
    check = await last(verifier, solution(code), BESIDE)
    assert (check.passed, check.shared) == (True, 1)


async def test_tests_never_load_what_the_solution_wrote(verifier: Verifier, solution: Solution) -> None:
    code = (
        "open('textwrap.py', 'w').write('dedent = lambda text: 0')\n"
        "open('colorsys.py', 'w').write('raise SystemExit')\ndef f(x): return x * x\n"
    )
    tests = "import textwrap\nassert textwrap.dedent(' a') == 'a'\ndef test_f():\n    import textwrap\n"
    check = await last(
        verifier, solution(code), f"{tests}    assert textwrap.dedent(' b') == 'b' and f(2) == 4"
    )
    assert (check.passed, check.isolated) == (True, 2)


async def test_a_message_names_the_place_in_the_solution(verifier: Verifier, solution: Solution) -> None:
    check = await last(verifier, solution("def f(x):\n    return 1 / x\n"), "assert f(0) == 4")
    assert "ZeroDivisionError: division by zero (solution.py, line 2)" in check.detail


async def test_every_backend_judges_from_outside(backend: Sandbox, solution: Solution) -> None:
    check = await last(Verifier(backend), solution("def f(x): return x * x\n"), "assert f(2) == 4")
    assert (check.passed, check.isolated, check.shared) == (True, 1, 0)


@pytest.mark.parametrize("answer", ["0", "4", "7", "'4'", "None"])
async def test_a_value_that_the_tests_ask_about_first_is_no_liar(
    verifier: Verifier, solution: Solution, answer: str
) -> None:
    tests = "from decimal import Decimal\n" + "assert f(2) != Decimal(5)\n" * 9
    check = await last(verifier, solution(f"def f(x): return {answer}\n"), tests)
    assert (check.passed, check.isolated) == (True, 9), check


@pytest.mark.parametrize(
    "tests",
    [
        (
            "import sys, unittest\nclass T(unittest.TestCase):\n"
            "    def test_a(self): self.assertEqual(f(len(sys.argv)), 1)\n"
            "    @unittest.skip('not here')\n    def test_b(self): self.fail()\n"
            "    @unittest.expectedFailure\n    def test_c(self): self.assertEqual(f(2), 5)\n"
        ),
        (
            "import sys, pytest\ndef test_a(): assert f(len(sys.argv)) == 1\n"
            "@pytest.mark.skipif(sys.version_info > (3,), reason='no')\n"
            "def test_b(): assert sys and f(2) == 5\n"
            "@pytest.mark.xfail\ndef test_c(): assert sys and f(2) == 5\n"
        ),
    ],
)
async def test_beside_the_solution_too_a_test_may_be_skipped_by_its_source(
    verifier: Verifier, solution: Solution, tests: str
) -> None:
    check = await last(verifier, solution("def f(x): return x * x\n"), tests)
    assert (check.passed, check.isolated, check.shared) == (True, 0, 1), check
    check = await last(verifier, solution("def f(x): return x + x\n"), tests)
    assert not check.passed
