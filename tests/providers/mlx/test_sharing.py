"""Two agents in one process that name one model have it in memory once, and each may leave when it likes."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from contextlib import aclosing, suppress
from pathlib import Path

import pytest
from langchain_core.messages import HumanMessage

from graph.services import role_models
from graph.settings import Settings, SettingsError
from providers import Allowance, LimitReachedError, ModelsFailedError, RoleModels
from providers.mlx.pool import MlxLimits
from providers.mlx.runner import MlxRunner
from providers.mlx.sharing import EngineShare, pool_of
from providers.runners import Request
from tests.providers.mlx.test_engine import ENDLESS

QUESTION = [HumanMessage("Hello")]


def engines() -> int:
    return sum(thread.name.startswith("mlx-tiny-random") for thread in threading.enumerate())


async def ask(models: RoleModels) -> None:
    # Random weights may say nothing at all; that they were asked is what counts here.
    with suppress(ModelsFailedError, LimitReachedError):
        await models.reply("reasoning", QUESTION, step="answer", allowance=Allowance(output_tokens=50))
    assert models.stats().roles["reasoning"].calls > 0


def models_of(folder: Path, limits: MlxLimits = MlxLimits()) -> RoleModels:  # noqa: B008 - it is frozen
    return RoleModels({"reasoning": f"mlx:{folder}"}, mlx=limits)


async def test_one_copy_serves_all_until_the_last_one_closes(tiny_model: Path) -> None:
    one, other = models_of(tiny_model), models_of(tiny_model)
    await asyncio.gather(ask(one), ask(other))
    assert engines() == 1
    await one.aclose()
    assert engines() == 1
    await ask(other)
    await other.aclose()
    assert engines() == 0


async def test_closing_one_agent_does_not_end_the_answer_of_another(tiny_model: Path) -> None:
    one, other = MlxRunner(), models_of(tiny_model)
    await one.load(str(tiny_model))
    await ask(other)
    request = Request([{"role": "user", "content": "Hello"}], json_schema=ENDLESS, max_tokens=40)
    async with aclosing(one.generate(request)) as pieces:
        await anext(pieces)
        await other.aclose()
        assert len([piece async for piece in pieces]) > 10
    await one.cleanup()
    assert engines() == 0


async def test_other_limits_are_another_pool(tiny_model: Path) -> None:
    one, other = models_of(tiny_model), models_of(tiny_model, MlxLimits(prompt_cache_gb=1))
    await ask(one)
    await ask(other)
    assert engines() == 2
    await one.aclose()
    await other.aclose()
    assert engines() == 0


async def test_who_is_forgotten_holds_nothing(tiny_model: Path) -> None:
    one, other = models_of(tiny_model), models_of(tiny_model)
    await ask(one)
    await ask(other)
    await other.aclose()
    assert engines() == 1
    del one, other
    gc.collect()
    assert engines() == 0


def test_nothing_is_made_before_a_model_is_wanted_and_nothing_stays_behind() -> None:
    limits = MlxLimits(memory_gb=3.25)
    share = EngineShare(limits)
    assert share.loaded() == []
    pool = pool_of(limits)
    assert pool is share.pool is pool_of(limits)
    left = weakref.ref(pool)
    del pool, share
    assert left() is None


async def test_the_wait_for_the_model_is_part_of_the_calls_time(tiny_model: Path) -> None:
    first = MlxRunner()
    await first.load(str(tiny_model))
    waiting = RoleModels({"reasoning": f"mlx:{tiny_model}"}, timeout_s=0.1)
    request = Request([{"role": "user", "content": "Hello"}], json_schema=ENDLESS, max_tokens=900)
    async with aclosing(first.generate(request)) as pieces:
        await anext(pieces)
        with pytest.raises(ModelsFailedError, match=r"within 0\.1 s") as failed:
            await waiting.reply("reasoning", QUESTION, step="answer")
        assert [call.error for call in failed.value.calls] == ["timeout"]
    await waiting.aclose()
    await first.cleanup()


async def test_the_settings_reach_the_pool(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUOGRAPH_MLX_PROMPT_CACHE_GB", "0.5")
    settings = Settings(reasoning_model=f"mlx:{tiny_model}", mlx_memory_gb=0.0000001)
    models = role_models(settings)
    with pytest.raises(ModelsFailedError, match="or raise mlx_memory_gb"):
        await models.reply("reasoning", QUESTION, step="answer")
    await models.aclose()


@pytest.mark.parametrize("name", ["mlx_memory_gb", "mlx_prompt_cache_gb"])
def test_a_wrong_limit_names_its_setting(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"DUOGRAPH_{name.upper()}", "-1")
    with pytest.raises(SettingsError, match=f"The setting {name} .* is '-1', which is wrong"):
        Settings()
