"""The engine with a real model of random weights: what it says means nothing, how it behaves does."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import shutil
import threading
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from providers import ModelConfigError, ModelError
from providers.backend import Sampling
from providers.mlx.files import find_model
from providers.mlx.pool import EnginePool, MlxLimits
from providers.mlx.runner import MlxRunner
from providers.runners import End, Piece, Request

GIB = 2**30
ENDLESS = {"type": "array", "items": {"type": "integer"}, "minItems": 100_000}
ROUTE = {
    "type": "object",
    "properties": {"agent": {"enum": ["math", "code", "none"]}, "sure": {"type": "boolean"}},
    "required": ["agent", "sure"],
    "additionalProperties": False,
}


def ask(text: str = "Hello", **options: Any) -> Request:  # noqa: ANN401 - as Request takes them
    return Request(messages=[{"role": "user", "content": text}], **options)


async def answer(runner: MlxRunner, request: Request) -> tuple[str, End]:
    text, end = "", None
    async for piece in runner.generate(request):
        if isinstance(piece, End):
            end = piece
        else:
            text += piece.text + piece.reasoning
    assert end is not None
    return text, end


@pytest.fixture
async def runner(tiny_model: Path) -> AsyncGenerator[MlxRunner]:
    made = MlxRunner()
    await made.load(str(tiny_model))
    yield made
    await made.cleanup()


def engines() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("mlx-")}


def test_mlx_lm_is_what_we_wrote_against() -> None:
    generate = importlib.import_module("mlx_lm.generate")
    cache = importlib.import_module("mlx_lm.models.cache")
    assert importlib.import_module("mlx_lm").__version__.startswith("0.32.")
    step = inspect.signature(generate.generate_step).parameters
    assert {"sampler", "logits_processors", "prompt_cache", "prefill_step_size"} <= set(step)
    assert "prompt_progress_callback" in step
    fields = generate.GenerationResponse.__dataclass_fields__
    assert {"text", "token", "finish_reason"} <= set(fields)
    machine = generate.TextStateMachine({"normal": [("<a>", "tool")], "tool": [("</a>", "normal")]})
    state, segments = generate.TextStateMachine.split(machine.make_state("normal"), "x<a>y</a")
    assert segments == [("normal", "x"), ("tool", "y")]
    assert generate.TextStateMachine.flush(state)[1:] == ("</a", "tool")
    prompts = cache.LRUPromptCache(8, 2**20)
    assert prompts.fetch_nearest_cache("model", [1, 2]) == (None, [1, 2])


async def test_load_tells_what_the_model_can(runner: MlxRunner, tiny_model: Path) -> None:
    loaded = await runner.load(str(tiny_model))
    assert (loaded.context_tokens, loaded.tools, loaded.json_schema) == (1024, True, True)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
async def test_random_weights_still_match_a_schema(runner: MlxRunner, seed: int) -> None:
    sampling = Sampling(temperature=1.5)
    text, end = await answer(runner, ask(json_schema=ROUTE, seed=seed, sampling=sampling, max_tokens=100))
    assert set(json.loads(text)) == {"agent", "sure"}
    assert end.finish_reason == "stop"


async def test_a_schema_that_cannot_be_enforced_is_a_sentence(runner: MlxRunner) -> None:
    with pytest.raises(ModelError, match="the JSON schema cannot be enforced"):
        await answer(runner, ask(json_schema={"type": "no such type"}))


async def test_a_seed_repeats_what_is_sampled(runner: MlxRunner) -> None:
    def request(seed: int | None) -> Request:
        return ask(seed=seed, sampling=Sampling(temperature=1.0, top_p=0.95), max_tokens=40)

    first, other = await answer(runner, request(7)), await answer(runner, request(8))
    assert (await answer(runner, request(7)))[0] == first[0] != other[0]
    assert (await answer(runner, request(None)))[0] != (await answer(runner, request(None)))[0]


async def test_penalties_change_what_is_said(runner: MlxRunner) -> None:
    plain, _ = await answer(runner, ask(max_tokens=40))
    penalised, _ = await answer(runner, ask(max_tokens=40, sampling=Sampling(frequency_penalty=2.0)))
    assert penalised != plain


async def test_the_limit_of_tokens_holds_and_is_told(runner: MlxRunner) -> None:
    _, end = await answer(runner, ask(max_tokens=7, json_schema=ENDLESS))
    assert (end.output_tokens, end.finish_reason) == (7, "length")


async def test_the_window_limits_the_answer_and_refuses_a_longer_prompt(runner: MlxRunner) -> None:
    _, end = await answer(runner, ask("x" * 900, json_schema=ENDLESS, max_tokens=5000))
    assert end.input_tokens + end.output_tokens == 1024
    with pytest.raises(ModelError, match="and tiny-random reads 1024; shorten it") as caught:
        await answer(runner, ask("x" * 2000))
    assert caught.value.kind == "context_overflow"


async def test_what_was_read_once_comes_from_the_cache(runner: MlxRunner) -> None:
    _, first = await answer(runner, ask("a rather long question about foxes", max_tokens=5))
    _, again = await answer(runner, ask("a rather long question about foxes", max_tokens=5))
    assert first.cached_tokens < 5
    assert again.cached_tokens == again.input_tokens - 1


async def test_the_memory_for_prompts_is_a_setting_and_none_keeps_none(tiny_model: Path) -> None:
    runner = MlxRunner(EnginePool(MlxLimits(prompt_cache_gb=0)))
    await runner.load(str(tiny_model))
    for _ in range(2):
        _, end = await answer(runner, ask("a rather long question about foxes", max_tokens=5))
        assert end.cached_tokens == 0
    await runner.cleanup()


@pytest.mark.parametrize(
    ("limits", "words"),
    [({"memory_gb": 0.0}, "mlx_memory_gb is 0"), ({"prompt_cache_gb": -1.0}, "mlx_prompt_cache_gb is -1")],
)
def test_limits_that_cannot_be_are_a_sentence(limits: dict[str, float], words: str) -> None:
    with pytest.raises(ModelConfigError, match=words):
        MlxLimits(**limits)


async def test_a_closed_answer_stops_the_engine(runner: MlxRunner) -> None:
    async with aclosing(runner.generate(ask(json_schema=ENDLESS, max_tokens=1000))) as pieces:
        assert isinstance(await anext(pieces), Piece)
    # First come, first served: this one could not come before the other has ended.
    _, end = await answer(runner, ask(max_tokens=1))
    assert end.output_tokens == 1


async def test_a_call_that_is_cancelled_while_it_waits_never_runs(runner: MlxRunner) -> None:
    async with aclosing(runner.generate(ask(json_schema=ENDLESS, max_tokens=1000))) as pieces:
        await anext(pieces)
        waiting = asyncio.create_task(answer(runner, ask("I wait", max_tokens=1)))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert isinstance(await anext(pieces), Piece)


async def test_calls_at_once_are_served_first_come_first_served(runner: MlxRunner) -> None:
    served: list[int] = []

    async def one(number: int) -> None:
        await answer(runner, ask(f"number {number}", max_tokens=3))
        served.append(number)

    await asyncio.gather(*(one(number) for number in range(12)))
    assert served == list(range(12))


async def test_cleanup_ends_the_thread_and_a_later_load_begins_anew(tiny_model: Path) -> None:
    before = engines()
    runner = MlxRunner()
    await runner.load(str(tiny_model))
    assert engines() > before or "mlx-tiny-random" in engines()
    await runner.cleanup()
    assert engines() == before
    await runner.load(str(tiny_model))
    assert (await answer(runner, ask(max_tokens=1)))[1].output_tokens == 1
    await runner.cleanup()


async def test_unloading_in_the_middle_of_an_answer_ends_it(tiny_model: Path) -> None:
    runner = MlxRunner()
    await runner.load(str(tiny_model))
    async with aclosing(runner.generate(ask(json_schema=ENDLESS, max_tokens=1000))) as pieces:
        await anext(pieces)
        await runner.cleanup()
        with pytest.raises(ModelError) as caught:
            async for _ in pieces:
                pass
    assert caught.value.kind == "cancelled"


async def test_an_engine_that_is_forgotten_unloads_itself(tiny_model: Path) -> None:
    before = engines()
    runner = MlxRunner()
    await runner.load(str(tiny_model))
    del runner
    assert engines() == before


async def test_runners_of_a_pool_share_a_model_until_the_last_lets_go(tiny_model: Path) -> None:
    pool = EnginePool()
    one, other = MlxRunner(pool), MlxRunner(pool)
    await one.load(str(tiny_model))
    await other.load(str(tiny_model))
    assert len(pool.loaded()) == 1
    await one.cleanup()
    assert (await answer(other, ask(max_tokens=1)))[1].output_tokens == 1
    await other.cleanup()
    assert pool.loaded() == []


async def test_a_pool_lets_go_of_models_that_nobody_released(tiny_model: Path) -> None:
    before, pool = engines(), EnginePool()
    await MlxRunner(pool).load(str(tiny_model))
    await pool.aclose()
    assert (pool.loaded(), engines()) == ([], before)


@pytest.fixture
def three_models(tiny_model: Path, tmp_path: Path) -> list[Path]:
    return [shutil.copytree(tiny_model, tmp_path / name).resolve() for name in ("a", "b", "c")]


async def test_the_model_that_was_idle_longest_makes_room(three_models: list[Path]) -> None:
    a, b, c = three_models
    size = find_model(str(a)).weight_bytes
    pool = EnginePool(MlxLimits(memory_gb=size * 2.5 / GIB))
    runners = [MlxRunner(pool) for _ in three_models]
    for runner, folder in zip(runners, three_models, strict=True):
        await runner.load(str(folder))
    assert pool.loaded() == [b, c]
    assert (await answer(runners[0], ask(max_tokens=1)))[1].output_tokens == 1
    assert pool.loaded() == [c, a]
    for runner in runners:
        await runner.cleanup()
    assert pool.loaded() == []


async def test_a_model_in_use_makes_no_room(three_models: list[Path]) -> None:
    a, b, _ = three_models
    pool = EnginePool(MlxLimits(memory_gb=find_model(str(a)).weight_bytes * 1.5 / GIB))
    one, other = MlxRunner(pool), MlxRunner(pool)
    await one.load(str(a))
    async with aclosing(one.generate(ask(json_schema=ENDLESS, max_tokens=1000))) as pieces:
        await anext(pieces)
        with pytest.raises(
            ModelError,
            match=r"b needs .* of memory, and .* can be had; choose a smaller.* or raise mlx_memory_gb",
        ) as caught:
            await other.load(str(b))
    assert caught.value.kind == "overloaded"
    await other.load(str(b))
    assert pool.loaded() == [b]
    await one.cleanup()
    await other.cleanup()


async def test_two_models_answer_at_the_same_time(three_models: list[Path]) -> None:
    runners = [MlxRunner() for _ in three_models[:2]]
    for runner, folder in zip(runners, three_models, strict=False):
        await runner.load(str(folder))
    request = ask(seed=3, sampling=Sampling(temperature=1.0), max_tokens=60)
    one, other = await asyncio.gather(*(answer(runner, request) for runner in runners))
    assert one == other
    for runner in runners:
        await runner.cleanup()


async def test_weights_that_do_not_fit_their_config_are_a_sentence(three_models: list[Path]) -> None:
    config = three_models[0] / "config.json"
    config.write_text(config.read_text().replace('"hidden_size": 64', '"hidden_size": 32'))
    with pytest.raises(ModelError, match=r"a cannot be loaded \(ValueError: .*\); pull it again") as caught:
        await MlxRunner().load(str(three_models[0]))
    assert "\n" not in str(caught.value)
