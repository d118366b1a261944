"""Attributes of functions, classes and methods are those of the solution, not of its likenesses."""

from collections.abc import Callable

import pytest

from sandbox import SourceFile, Verifier

Solution = Callable[[str], list[SourceFile]]

BARE = """\
import abc
def bare(x): return x
class A:
    "about A"
    n: int = 1
    def m(self, q: int = 2): return q
    @property
    def p(self): return 1
    @classmethod
    def c(cls): return 1
    @staticmethod
    def s(): return 1
class B(A): pass
"""
TOLD = """\
import abc, dataclasses
def told(x: int): "about told"; return x
class A:
    "about A"
    n: int = 1
    def __init__(self, x=3): "begin"; self.x = x
    def __repr__(self): "show"; return "A"
    def m(self, q: int = 2) -> int: "about m"; return q
    m.tag = "x"
    @property
    def p(self): "about p"; return 1
    @classmethod
    def c(cls): "about c"; return 1
class B(A):
    def n2(self): return 2
class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self): ...
class Problem(Exception):
    "about problems"
    def why(self): "about why"; return 1
@dataclasses.dataclass
class D:
    x: int
    y: str = "a"
"""


CLAIMS = [
    "told.__doc__ == 'about told'",
    "A.__doc__ == 'about A' and A().__doc__ == 'about A'",
    "A.m.__doc__ == 'about m'",
    "A().m.__doc__ == 'about m' and A().m.__name__ == 'm'",
    "A.m.__qualname__ == 'A.m' and A.m.__module__ == 'solution'",
    "A.p.__doc__ == 'about p' and A.c.__doc__ == 'about c'",
    "A.m.__defaults__ == (2,)",
    "A.m.__annotations__ == {'q': int, 'return': int}",
    "A.m.tag == 'x' and A().m.tag == 'x' and B.m.tag == 'x'",
    "A.__init__.__doc__ == 'begin' and A.__init__.__defaults__ == (3,)",
    "A.__repr__.__doc__ == 'show'",
    "A.__annotations__ == {'n': int}",
    "D.__annotations__ == {'x': int, 'y': str} and D(1).__annotations__ == {'x': int, 'y': str}",
    "D.__init__.__annotations__ == {'x': int, 'y': str, 'return': None}",
    "B.m is A.m and B.m == A.m",
    "B.n2 is not A.m",
    "a.m == a.m and a.m != b.m and len({a.m, a.m, b.m}) == 2",
    "a.m.__self__ is a and a.m.__func__ is A.m",
    "A.m(a, 5) == 5 and list(map(A.m, [a, b])) == [2, 2]",
    "Shape.area.__isabstractmethod__",
    "Shape.__abstractmethods__ == {'area'}",
    "Problem.__doc__ == 'about problems' and Problem.why.__doc__ == 'about why'",
    "Problem().why() == 1",
]


async def test_attributes_are_judged_from_outside(verifier: Verifier, solution: Solution) -> None:
    tests = "".join(f"a, b = A(), B()\nassert {claim}\n" for claim in CLAIMS)
    check = (await verifier.verify(solution(TOLD), tests=tests)).checks[-1]
    assert [case.name for case in check.cases if not (case.passed and case.isolated)] == [], check
    assert (check.isolated, check.shared) == (len(CLAIMS), 0), check


@pytest.mark.parametrize(
    "claim",
    [
        "'m' in A.__dict__ and 'm' not in B.__dict__",
        "A.__dict__['n'] == 1 and dict(A.__dict__)['n'] == 1",
        "sorted(each for each in A.__dict__ if each[0] != '_') == ['c', 'm', 'n', 'p']",
        "Shape.__mro__[1].__name__ == 'ABC' and issubclass(Shape, Shape.__base__)",
    ],
)
async def test_others_are_found_beside_the_solution(
    verifier: Verifier, solution: Solution, claim: str
) -> None:
    check = (await verifier.verify(solution(TOLD), tests=f"assert {claim}")).checks[-1]
    assert check.passed, check


LACKING = [
    "bare.__doc__",
    "A.m.__doc__",
    "A().m.__doc__",
    "A.p.__doc__",
    "A.c.__doc__",
    "A.s.__doc__",
    "A().m.__defaults__ is None",
    "not hasattr(A.m, '__defaults__')",
    "'m' not in A.__dict__",
    "'n' not in A.__dict__",
    "'m' in B.__dict__",
    "A.__annotations__ == {}",
    "A.m is not B.m",
    "A.__repr__ is not object.__repr__",
    "hasattr(A, '__getattr__')",
    "A.__init__.__doc__ == 'Begin'",
]


@pytest.mark.parametrize("claim", LACKING)
async def test_a_solution_without_them_fails(verifier: Verifier, solution: Solution, claim: str) -> None:
    evidence = await verifier.verify(solution(BARE), tests=f"assert {claim}")
    assert evidence.status == "failed", evidence.checks[-1]


@pytest.mark.slow
async def test_a_solution_without_them_fails_under_pytest_too(verifier: Verifier, solution: Solution) -> None:
    cases = "".join(f"def test_{at}():\n    assert {claim}\n" for at, claim in enumerate(LACKING))
    check = (await verifier.verify(solution(BARE), tests=f"import pytest\n{cases}")).checks[-1]
    assert [case.passed for case in check.cases] == [False] * len(LACKING), check


async def test_a_docstring_that_is_asked_of_every_public_method_may_be_there(
    verifier: Verifier, solution: Solution
) -> None:
    tests = (
        "import pytest\n@pytest.mark.parametrize('name', ['m', 'c'])\n"
        "def test_documented(name):\n"
        "    assert getattr(A, name).__doc__, 'public methods need a docstring'\n"
    )
    assert (await verifier.verify(solution(TOLD), tests=tests)).status == "verified"
    assert (await verifier.verify(solution(BARE), tests=tests)).status == "failed"


STANDARD = """\
import enum, numbers
from collections.abc import MutableMapping
from typing import Generic, TypeVar
T = TypeVar("T")
class G(Generic[T]): pass
class N(numbers.Number): pass
class E(str, enum.Enum): A = "a"
class M(MutableMapping):
    def __init__(self): self.d = {}
    def __getitem__(self, key): return self.d[key]
    def __setitem__(self, key, value): self.d[key] = value
    def __delitem__(self, key): del self.d[key]
    def __iter__(self): return iter(self.d)
    def __len__(self): return len(self.d)
"""


@pytest.mark.parametrize(
    "claim",
    [
        "issubclass(G, Generic)",
        "issubclass(N, numbers.Number)",
        "issubclass(E, enum.Enum) and isinstance(E.A, enum.Enum)",
        "issubclass(M, MutableMapping) and isinstance(M(), MutableMapping)",
    ],
)
async def test_what_a_class_is_derived_from_counts(
    verifier: Verifier, solution: Solution, claim: str
) -> None:
    tests = (
        f"import enum, numbers\nfrom typing import Generic\nfrom collections.abc import MutableMapping\n"
        f"def test_a():\n    assert {claim}\n"
    )
    assert (await verifier.verify(solution(STANDARD), tests=tests)).status == "verified"
    bare = "class G: pass\nclass N: pass\nclass E: A = 'a'\nclass M: pass\n"
    assert (await verifier.verify(solution(bare), tests=tests)).status == "failed"
