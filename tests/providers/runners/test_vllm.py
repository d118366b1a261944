"""The runner for vLLM, which needs a GPU: its outermost names are played here, as its sources have them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from providers import ModelConfigError, ModelError
from providers.backend import Sampling
from providers.runners import End, Piece, Request
from providers.runners.vllm import VllmRunner


class FakeTokenizer:
    def apply_chat_template(self, messages: list[dict[str, Any]], **_options: object) -> str:
        return str(messages[-1]["content"])

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        assert not add_special_tokens
        return [ord(letter) for letter in text]


@dataclass
class FakeParams:
    """Takes what vLLM's `SamplingParams` takes, and nothing else."""

    max_tokens: int
    output_kind: str
    temperature: float = 1.0
    top_p: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    seed: int | None = None
    stop: list[str] | None = None
    structured_outputs: Any = None


class FakeEngine:
    """Stands in for `vllm.v1.engine.async_llm.AsyncLLM`."""

    made: FakeEngine

    def __init__(self, model: str) -> None:
        self.model_config = SimpleNamespace(max_model_len=20)
        self.model, self.aborted, self.down = model, False, False
        self.params: list[FakeParams] = []
        FakeEngine.made = self

    @classmethod
    def from_engine_args(cls, arguments: SimpleNamespace) -> FakeEngine:
        return cls(arguments.model)

    def get_tokenizer(self) -> FakeTokenizer:
        return FakeTokenizer()

    async def generate(
        self, prompt: dict[str, list[int]], sampling_params: FakeParams, request_id: str
    ) -> AsyncGenerator[SimpleNamespace]:
        assert request_id
        self.params.append(sampling_params)
        letters = [chr(token) for token in prompt["prompt_token_ids"]]
        try:
            for place, letter in enumerate(letters):
                last = place == len(letters) - 1
                part = SimpleNamespace(text=letter, token_ids=[1], finish_reason="stop" if last else None)
                yield SimpleNamespace(outputs=[part], num_cached_tokens=2 if last else None)
                await asyncio.sleep(0)
        except GeneratorExit:
            self.aborted = True
            raise

    def shutdown(self) -> None:
        self.down = True


@pytest.fixture
def vllm(monkeypatch: pytest.MonkeyPatch) -> type[FakeEngine]:
    parts: dict[str, dict[str, Any]] = {
        "vllm": {},
        "vllm.engine": {},
        "vllm.engine.arg_utils": {"AsyncEngineArgs": SimpleNamespace},
        "vllm.v1": {},
        "vllm.v1.engine": {},
        "vllm.v1.engine.async_llm": {"AsyncLLM": FakeEngine},
        "vllm.sampling_params": {
            "SamplingParams": FakeParams,
            "RequestOutputKind": SimpleNamespace(DELTA="delta"),
            "StructuredOutputsParams": SimpleNamespace,
        },
    }
    for name, members in parts.items():
        module = ModuleType(name)
        module.__spec__ = ModuleSpec(name, None)
        module.__dict__.update(members)
        monkeypatch.setitem(sys.modules, name, module)
    return FakeEngine


def ask(text: str, **options: Any) -> Request:  # noqa: ANN401 - as Request takes them
    return Request(messages=[{"role": "user", "content": text}], **options)


def test_without_vllm_everything_that_names_it_can_be_imported() -> None:
    program = (
        "import sys; sys.modules['vllm'] = None; "  # an import of it fails, whatever is installed
        "from providers.runners.vllm import VllmRunner; from providers.runners import get_runner; "
        "assert type(get_runner('vllm')) is VllmRunner; "
        "print(sorted({'torch', 'transformers', 'mlx', 'openai'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")


async def test_without_vllm_there_is_a_sentence() -> None:
    with pytest.raises(ModelConfigError, match="needs vLLM; run: pip install vllm, or name a server"):
        await VllmRunner().load("some/model")


async def test_an_answer_streams_and_ends_with_its_usage(vllm: type[FakeEngine]) -> None:
    runner = VllmRunner()
    assert (await runner.load("some/model")).context_tokens == 20
    options = {"stop": ["x"], "seed": 3, "json_schema": {"type": "object"}}
    pieces = [piece async for piece in runner.generate(ask("abc", sampling=Sampling(top_p=0.5), **options))]
    assert pieces == [Piece("a"), Piece("b"), Piece("c"), End("stop", 3, 3, cached_tokens=2)]
    (params,) = vllm.made.params
    assert (params.top_p, params.temperature, params.stop, params.seed) == (0.5, 1.0, ["x"], 3)
    assert (params.max_tokens, params.output_kind) == (8192, "delta")
    assert params.structured_outputs.json == {"type": "object"}


async def test_closing_an_answer_aborts_it(vllm: type[FakeEngine]) -> None:
    runner = VllmRunner()
    await runner.load("some/model")
    pieces = runner.generate(ask("abc"))
    await anext(pieces)
    await pieces.aclose()
    assert vllm.made.aborted


@pytest.mark.usefixtures("vllm")
async def test_a_prompt_that_is_too_long_is_refused() -> None:
    runner = VllmRunner()
    await runner.load("some/model")
    with pytest.raises(ModelError, match="has 30 tokens and some/model reads 20") as caught:
        await anext(runner.generate(ask("a" * 30)))
    assert caught.value.kind == "context_overflow"


async def test_another_model_takes_the_place_and_cleanup_shuts_down(vllm: type[FakeEngine]) -> None:
    runner = VllmRunner()
    await runner.load("one")
    first = vllm.made
    await runner.load("other")
    assert (first.down, vllm.made.model) == (True, "other")
    await runner.cleanup()
    assert vllm.made.down
    with pytest.raises(ModelConfigError, match="has loaded no model"):
        await anext(runner.generate(ask("a")))
