"""Solutions of several files, from a model's answer to `Result.files`."""

from tests.support import AgentMaker

PLAN = {
    "content": "A package.\n\n"
    "```python acceptance\nfrom shop.cart import total\nassert total(['tea']) == 4\n```"
}
PASS = {"content": "VERDICT: PASS"}
CART = (
    "```python shop/cart.py\nfrom shop.prices import PRICES\n\n\n"
    "def total(names):\n    return sum(PRICES[n] for n in names){}\n```"
)
ANSWER = (
    "### `shop/__init__.py`\n```python\n```\n"
    + CART.format(" * 2")
    + "\n**shop/prices.py**\n```python\nfrom pathlib import Path\n\n"
    "ROWS = Path(__file__).with_name('prices.csv').read_text().split()\n"
    "PAIRS = [row.split(',') for row in ROWS]\nPRICES = {name: int(price) for name, price in PAIRS}\n```\n"
    "```csv shop/prices.csv\ntea,4\ncake,7\n```\n"
    "```python shop/__main__.py\nfrom shop.cart import total\n\nprint(total(['tea', 'cake']))\n```\n"
    "```python tests/test_cart.py\nfrom shop.cart import total\n\n\n"
    "def test_total():\n    assert total(['cake']) == 7\n```\n"
)
PATHS = {"shop/" + name for name in ("__init__.py", "cart.py", "prices.py", "prices.csv", "__main__.py")}
PATHS |= {"tests/test_cart.py"}


def test_a_package_with_data_a_main_and_tests_comes_out_whole(make_agent: AgentMaker) -> None:
    good = ANSWER.replace(" * 2", "")
    result = make_agent([PLAN, PASS], [{"content": good}]).ask("Write a Python package shop with prices")
    assert result.verification.status == "verified"
    assert {file.path for file in result.files} == PATHS
    assert "```text shop/prices.csv\ntea,4" in result.answer


def test_a_repair_may_give_only_the_file_that_changes(make_agent: AgentMaker) -> None:
    agent = make_agent(
        [PLAN, {"content": "It doubles the sum."}, PASS],
        [{"content": ANSWER}, {"content": CART.format("")}],
    )
    result = agent.ask("Write a Python package shop with prices")
    assert (result.repairs, result.verification.status) == (1, "verified")
    assert {file.path for file in result.files} == PATHS


def test_a_change_in_the_next_turn_keeps_the_other_files(make_agent: AgentMaker) -> None:
    good = ANSWER.replace(" * 2", "")
    agent = make_agent(
        [PLAN, PASS, {"content": "Round it."}, PASS],
        [{"content": good}, {"content": CART.format(" // 1")}],
    )
    first = agent.ask("Write a Python package shop with prices")
    second = agent.ask("now change the total to round down", thread_id=first.thread_id)
    assert {file.path for file in second.files} == PATHS
    assert "// 1" in next(file.content for file in second.files if file.path == "shop/cart.py")


def test_a_module_that_does_not_load_is_never_verified(make_agent: AgentMaker) -> None:
    broken = ANSWER.replace(" * 2", "").replace("tea,4", "tea")
    agent = make_agent([{"content": "A package."}], [{"content": broken}], max_repairs=0)
    result = agent.ask("Write a Python package shop with prices")
    assert result.verification.failure is not None
    assert result.verification.failure.name == "import"
    assert "prices.py" in result.verification.failure.detail
