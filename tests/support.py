"""Names that tests of several rooms share."""

from collections.abc import Callable
from typing import Any

from graph.agent import Agent

Lines = list[dict[str, Any]]
AgentMaker = Callable[..., Agent]

GOOD = "```python solution.py\ndef double(x: int) -> int:\n    return 2 * x\n```"
BAD = "```python solution.py\ndef double(x: int) -> int:\n    return x\n```"
PLAN = "1. Multiply by two.\n\n```python acceptance\nassert double(2) == 4\nassert double(-1) == -2\n```"
ASK = "Write a Python function double(x) that doubles a number"
