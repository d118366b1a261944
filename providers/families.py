"""What is told of a model by its family's name."""

from __future__ import annotations

import re
from typing import Final

_THINKS: Final = re.compile(
    r"(?:^|[/:._-])(?:"
    r"o[134](?:-|$)"  # OpenAI's o-series
    r"|gpt-5(?!.*chat)|gpt-oss"
    r"|deepseek-r\d|deepseek-reasoner|r1-distill"
    r"|qwq|qwen3(?:\.\d)?[\w.-]*-thinking|qwen3:(?!.*(?:instruct|coder))"
    r"|magistral|phi-?4[\w.-]*-reasoning"
    r"|kimi-k2-thinking|glm-4\.[5-9]|minimax-m\d"
    r"|gemini-(?:2\.5|3)[\w.-]*-pro|grok-4|grok-3-mini"
    r"|nemotron[\w.-]*-(?:ultra|super)"
    r")",
    re.IGNORECASE,
)


def thinks(model_id: str) -> bool:
    """Whether models of this name think before they answer unless they are told not to.

    Those who make them advise against telling them to work step by step: see OpenAI's «Reasoning best
    practices» and DeepSeek's notes on R1. A name that is not known is taken for a model that does not.

    Args:
        model_id: The model part of a model string, such as `o3-mini` or `deepseek/deepseek-r1`.
    """
    return _THINKS.search(model_id) is not None
