import pytest

from providers import RoleModels
from providers.families import thinks


@pytest.mark.parametrize(
    "name",
    [
        "o1",
        "o3-mini",
        "gpt-5.4",
        "openai/gpt-5-mini",
        "gpt-oss:20b",
        "deepseek-r1:8b",
        "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B",
        "deepseek-reasoner",
        "Qwen/QwQ-32B",
        "Qwen3-4B-Thinking-2507",
        "qwen3:8b",
        "us.deepseek.r1-v1:0.deepseek-r1",
        "magistral-small",
        "gemini-2.5-pro",
    ],
)
def test_families_that_think_by_themselves(name: str) -> None:
    assert thinks(name)


@pytest.mark.parametrize(
    "name",
    [
        "gpt-4o",
        "gpt-5-chat-latest",
        "llama3.1:8b",
        "claude-sonnet-4-5",
        "qwen2.5-coder",
        "Qwen3-Coder-30B",
        "qwen3:4b-instruct",
        "mistral-large",
        "solo1-x",
        "",
    ],
)
def test_families_that_do_not(name: str) -> None:
    assert not thinks(name)


def test_a_chain_says_it_of_its_first_model() -> None:
    thinker = "openai:o3-mini@http://localhost:1/v1"
    assert RoleModels({"reasoning": f"{thinker},offline"}).facts("reasoning").thinks
    assert not RoleModels({"reasoning": f"offline,{thinker}"}).facts("reasoning").thinks
