"""Names that tests of several rooms share."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from graph.agent import Agent
from providers.backends.services import OPENAI, SERVICES
from routing.classifier import NO_SCORES, Decision, Tier
from routing.labels import Label, Subject

Lines = list[dict[str, Any]]
AgentMaker = Callable[..., Agent]

GOOD = "```python solution.py\ndef double(x: int) -> int:\n    return 2 * x\n```"
BAD = "```python solution.py\ndef double(x: int) -> int:\n    return x\n```"
PLAN = "1. Multiply by two.\n\n```python acceptance\nassert double(2) == 4\nassert double(-1) == -2\n```"
ASK = "Write a Python function double(x) that doubles a number"


@dataclass(frozen=True)
class Fixed:
    """A classifier that says the same of every text; it abstains unless told otherwise."""

    label: Label = "general"
    subject: Subject = "general"
    confidence: float = 0.4
    tier: Tier = "abstained"

    def decide(self, text: str, *, has_code: bool = False, has_diff: bool = False) -> Decision:
        del text, has_code, has_diff
        return Decision(self.label, self.confidence, self.tier, NO_SCORES, self.subject)


def addresses_and_keys() -> list[str]:
    """Every environment variable that gives a model's address, region or key."""
    rows = [OPENAI, *SERVICES]
    named = [name for row in rows for name in (*row.key_variables, *row.url_variables)]
    anthropic = ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL", "ANTHROPIC_API_URL"]
    aws = ["ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "BEARER_TOKEN_BEDROCK", "PROFILE", "REGION"]
    ollama = ["OLLAMA_HOST", "OLLAMA_API_KEY"]
    gateway = ["LANGSMITH_GATEWAY", "LANGSMITH_GATEWAY_API_KEY"]
    return [*named, *anthropic, *(f"AWS_{name}" for name in aws), "AWS_DEFAULT_REGION", *ollama, *gateway]


def shared_folder(factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of one run of tests have in common."""
    own = factory.getbasetemp()
    return own.parent if own.name.startswith("popen-") else own
