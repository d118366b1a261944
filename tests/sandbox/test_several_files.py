"""Solutions of several files: packages, data, a main."""

import pytest

from sandbox import Evidence, SourceFile, Verifier, open_sandbox

SHOP = {
    "shop/__init__.py": "",
    "shop/cart.py": "from shop.price import price\ndef total(xs):\n    return sum(price(x) for x in xs)\n",
    "shop/price.py": "def price(x):\n    return 2 * x\n",
}


async def verify(files: dict[str, str], tests: str = "", acceptance: str = "") -> Evidence:
    sources = [SourceFile(path=path, content=content) for path, content in files.items()]
    return await Verifier(await open_sandbox()).verify(sources, tests=tests, acceptance=acceptance)


@pytest.mark.parametrize("package", [SHOP, {p: c for p, c in SHOP.items() if "init" not in p}])
async def test_a_module_inside_a_package_that_does_not_load_is_found(package: dict[str, str]) -> None:
    evidence = await verify(package | {"shop/price.py": "import gone_entirely\n"})
    assert evidence.failure is not None
    assert (evidence.status, evidence.failure.name) == ("failed", "import")
    assert "gone_entirely" in evidence.failure.detail


async def test_generated_tests_see_the_names_inside_packages() -> None:
    evidence = await verify(
        SHOP, "from shop.cart import total\nassert total([1, 2]) == 6", "assert total([1]) == 2"
    )
    assert evidence.status == "verified"


async def test_each_module_is_loaded_once() -> None:
    files = {
        "solution.py": "from errors import Wrong\n\n\ndef f():\n    raise Wrong\n",
        "errors.py": "class Wrong(Exception):\n    pass\n",
        "app/__init__.py": "from app.log import LINES\n",
        "app/log.py": "LINES = []\nLINES.append(1)\n",
    }
    tests = (
        "from errors import Wrong\nfrom app.log import LINES\nimport app\n"
        "try:\n    f()\n    assert False\nexcept Wrong:\n    assert True\n"
        "assert LINES is app.LINES and LINES == [1]\n"
    )
    evidence = await verify(files, tests)
    assert evidence.status == "verified", evidence.failure


@pytest.mark.parametrize(
    "opened", ["open('data/words.txt')", "(Path(__file__).parent / 'data/words.txt').open()"]
)
async def test_data_files_lie_beside_the_code(opened: str) -> None:
    source = (
        f"from pathlib import Path\ndef words():\n    with {opened} as f:\n        return f.read().split()\n"
    )
    evidence = await verify(
        {"solution.py": source, "data/words.txt": "a b\n"}, "assert words() == ['a', 'b']"
    )
    assert evidence.status == "verified", evidence.failure


async def test_a_main_is_not_run_by_loading_and_tests_may_run_it() -> None:
    files = {
        "app/__init__.py": "",
        "app/__main__.py": "from app.cli import main\n\nraise SystemExit(main())\n",
        "app/cli.py": "def main():\n    print('hi')\n    return 3\n",
        "scripts/once.py": "raise RuntimeError\n",
        "tests/test_cli.py": "import not_installed_here\n",
    }
    tests = (
        "import contextlib, io, runpy\nout = io.StringIO()\n"
        "try:\n    with contextlib.redirect_stdout(out):\n"
        "        runpy.run_module('app', run_name='__main__')\n"
        "except SystemExit as end:\n    assert end.code == 3\n"
        "assert out.getvalue() == 'hi\\n'\n"
    )
    assert (await verify(files, tests)).status == "verified"
    assert (await verify(files)).status == "verified"


NESTED = {
    "pkg/__init__.py": "",
    "pkg/sub/__init__.py": "from pkg.sub.mod import deep\n",
    "pkg/sub/mod.py": "def deep(x):\n    return 2 * x\n",
    "pkg/sub/more/last.py": "from ..mod import deep\ndef deepest(x):\n    return deep(x) + 1\n",
    "pkg/top.py": "from .sub.more.last import deepest\n",
}


@pytest.mark.parametrize("package", [NESTED, {p: c for p, c in NESTED.items() if "init" not in p}])
async def test_packages_within_packages_are_loaded_and_named(package: dict[str, str]) -> None:
    tests = (
        "import sys\nimport pkg.sub.more.last\nfrom pkg.sub import more\nfrom pkg.sub.mod import deep\n"
        "from pkg.top import deepest as same\n"
        "def test_outside():\n"
        "    assert pkg.sub.more.last.deepest(2) == more.last.deepest(2) == same(2) == 5\n"
        "    assert deepest(1) == 3 and deep(1) == 2\n"
        "def test_beside():\n    assert sys and pkg.sub.more.last.deepest(2) == deepest(2) == 5\n"
    )
    evidence = await verify(package, tests)
    assert evidence.status == "verified", evidence.failure
    assert (evidence.checks[-1].isolated, evidence.checks[-1].shared) == (1, 1)


@pytest.mark.parametrize(
    "where", ["pkg/sub/mod.py", "pkg/sub/more/last.py", "pkg/sub/alone.py", "pkg/a/b/c/d.py"]
)
async def test_a_module_however_deep_that_does_not_load_is_found(where: str) -> None:
    evidence = await verify({**NESTED, where: "x = 1 / 0\n"})
    assert evidence.failure is not None
    assert (evidence.status, evidence.failure.name) == ("failed", "import")
    assert f"({where}, line 1)" in evidence.failure.detail


@pytest.mark.parametrize(
    "path", ["my-app/mod.py", "2.py", "my-script.py", "app/__main__.py", "setup.py", "a.b.py"]
)
async def test_nothing_is_verified_that_was_not_loaded(path: str) -> None:
    evidence = await verify({path: "x = 1 / 0\n"})
    assert evidence.failure is not None
    assert (evidence.status, evidence.failure.name) == ("failed", "import")
    assert "ZeroDivisionError" in evidence.failure.detail or "nothing was loaded" in evidence.failure.detail
    if path != "a.b.py":
        assert (await verify({path: "x = 1\n"})).status == "verified"


async def test_where_there_are_only_tests_they_are_loaded() -> None:
    evidence = await verify({"test_it.py": "import gone_entirely\n"})
    assert evidence.status == "failed"
