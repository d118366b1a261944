"""Who speaks OpenAI's Chat Completions API: one row of data each, no class of its own.

The rows follow what the services document and what their users report; our tests run them against servers of
our own. A field that a row leaves out is not sent, because many servers refuse one that they do not know.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

OPENAI_URL = "https://api.openai.com/v1"

_TEMPERATURE = ("temperature", "top_p")
_PENALTIES = ("frequency_penalty", "presence_penalty")
_EVERY_MODEL = re.compile("")

Lister = Literal["models", "props", "lmstudio", ""]
ThinkingBack = Literal["reasoning_content", "reasoning", "reasoning_details", "tool_signatures"]


@dataclass(frozen=True, slots=True)
class Service:
    """One service or local server that speaks OpenAI's API.

    Attributes:
        name: What opens its model strings.
        url: Its own address, with the path up to `/chat/completions`.
        key_variables: Environment variables that may hold its key; the first one is named in advice.
        url_variables: Environment variables that may hold another address.
        local: Whether it runs on a machine of yours: then it needs no key.
        max_tokens: Its name for the limit on the answer's tokens.
        stream_options: Whether it must be asked for token counts; the others send them unasked.
        sampling: What it takes of `Sampling`.
        json_schema: Models that hold an answer to a JSON schema, or None.
        json_mode: Whether it can be told to answer in JSON of any shape.
        window: Where it tells the context window: its list of models, llama.cpp's `/props`, LM Studio's own
            list, or nowhere.
        thinking_back: The field in which it wants its thinking back in a tool loop, or None; not sent to
            others, because many refuse it.
    """

    name: str
    url: str
    key_variables: tuple[str, ...]
    url_variables: tuple[str, ...] = ()
    local: bool = False
    max_tokens: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    stream_options: bool = True
    sampling: tuple[str, ...] = _TEMPERATURE
    json_schema: re.Pattern[str] | None = _EVERY_MODEL
    json_mode: bool = True
    window: Lister = ""
    thinking_back: ThinkingBack | None = None


OPENAI = Service(
    "openai",
    OPENAI_URL,
    ("OPENAI_API_KEY",),
    url_variables=("OPENAI_BASE_URL", "OPENAI_API_BASE"),
    sampling=_TEMPERATURE + _PENALTIES,
    window="models",
)
"""OpenAI, and any server that has no row of its own."""

SERVICES: tuple[Service, ...] = (
    Service(
        "groq",
        "https://api.groq.com/openai/v1",
        ("GROQ_API_KEY",),
        max_tokens="max_completion_tokens",
        json_schema=re.compile(r"gpt-oss|kimi-k2|llama-4"),
        window="models",
    ),
    # Its reasoning models refuse penalties.
    Service("xai", "https://api.x.ai/v1", ("XAI_API_KEY",), max_tokens="max_completion_tokens"),
    Service(
        "minimax",
        "https://api.minimax.io/v1",
        ("MINIMAX_API_KEY",),
        max_tokens="max_completion_tokens",
        json_schema=None,
        json_mode=False,
        thinking_back="reasoning_details",
    ),
    Service(
        "deepseek",
        "https://api.deepseek.com/v1",
        ("DEEPSEEK_API_KEY",),
        sampling=_TEMPERATURE + _PENALTIES,
        json_schema=None,
        thinking_back="reasoning_content",
    ),
    Service(
        "openrouter",
        "https://openrouter.ai/api/v1",
        ("OPENROUTER_API_KEY",),
        sampling=_TEMPERATURE + _PENALTIES,
        window="models",
        thinking_back="reasoning_details",
    ),
    # It refuses fields that it does not know, `stream_options` among them.
    Service(
        "mistral",
        "https://api.mistral.ai/v1",
        ("MISTRAL_API_KEY",),
        stream_options=False,
        sampling=_TEMPERATURE + _PENALTIES,
        window="models",
    ),
    Service(
        "together",
        "https://api.together.xyz/v1",
        ("TOGETHER_API_KEY",),
        sampling=_TEMPERATURE + _PENALTIES,
    ),
    Service(
        "fireworks",
        "https://api.fireworks.ai/inference/v1",
        ("FIREWORKS_API_KEY",),
        sampling=_TEMPERATURE + _PENALTIES,
        window="models",
    ),
    Service(
        "cerebras", "https://api.cerebras.ai/v1", ("CEREBRAS_API_KEY",), max_tokens="max_completion_tokens"
    ),
    Service(
        "moonshot",
        "https://api.moonshot.ai/v1",
        ("MOONSHOT_API_KEY",),
        json_schema=None,
        thinking_back="reasoning_content",
    ),
    Service(
        "perplexity",
        "https://api.perplexity.ai",
        ("PERPLEXITY_API_KEY", "PPLX_API_KEY"),
        stream_options=False,
        json_mode=False,
    ),
    Service(
        "gemini",
        "https://generativelanguage.googleapis.com/v1beta/openai",
        ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        thinking_back="tool_signatures",
    ),
    Service(
        "vllm",
        "http://localhost:8000/v1",
        ("VLLM_API_KEY",),
        local=True,
        sampling=_TEMPERATURE + _PENALTIES,
        window="models",
        thinking_back="reasoning",
    ),
    Service(
        "lmstudio",
        "http://localhost:1234/v1",
        ("LM_API_TOKEN",),
        local=True,
        sampling=_TEMPERATURE + _PENALTIES,
        json_mode=False,
        window="lmstudio",
    ),
    Service(
        "llamacpp",
        "http://localhost:8080/v1",
        ("LLAMA_API_KEY",),
        local=True,
        sampling=_TEMPERATURE + _PENALTIES,
        window="props",
        thinking_back="reasoning_content",
    ),
)
"""Every service with a row of its own."""
