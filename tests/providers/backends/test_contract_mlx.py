"""Faults that a real MLX model and mlx-lm's own server can show; the rest is in test_contract."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_core.messages import HumanMessage
from pydantic import BaseModel, ConfigDict

from providers import ModelConfigError, ModelsFailedError, Reply, RoleModels
from providers.manner import Form
from providers.mlx import generation
from tests.providers.backends.contract import one_try
from tests.providers.backends.contract_mlx import MLX, MlxSide, serve_mlx
from tests.providers.mlx.tiny import WEATHER

pytestmark = pytest.mark.slow

ENDLESS = Form("endless", {"type": "array", "items": {"type": "integer"}, "minItems": 100_000})


class Sure(BaseModel):
    """A form without free text: the model was trained to say something else, and would never end it."""

    model_config = ConfigDict(extra="forbid")

    sure: bool


@pytest.fixture(scope="module", params=MLX)
def side(request: pytest.FixtureRequest, trained_model: Path) -> Iterator[MlxSide]:
    with serve_mlx(request.param, trained_model) as side:
        yield side


in_process = pytest.mark.parametrize("side", ["mlx"], indirect=True)
behind_http = pytest.mark.parametrize("side", ["mlx_lm.server"], indirect=True)


async def ask(models: RoleModels, text: str = "Hello") -> Reply:
    return await models.reply("reasoning", [HumanMessage(text)], step="plan")


async def errors(models: RoleModels, text: str = "Hello") -> list[str | None]:
    with pytest.raises(ModelsFailedError) as failed:
        await ask(models, text)
    return [call.error for call in failed.value.calls]


async def test_a_tool_call_that_cannot_be_read_is_no_answer(side: MlxSide) -> None:
    models = side.models()
    with pytest.raises(ModelsFailedError) as failed:
        await models.reply("reasoning", [HumanMessage("Break")], step="plan", tools=[WEATHER])
    # mlx-lm's own server swallows such a call, and says that it is one.
    assert failed.value.calls[0].error == ("malformed" if side.process is None else "empty")
    assert (await ask(models)).text == side.said("answer").text
    await models.aclose()


def test_event_loops_that_come_and_go_are_served(side: MlxSide) -> None:
    models = side.models()

    async def once() -> str:
        return (await ask(models)).text

    assert [asyncio.run(once()) for _ in range(2)] == [side.said("answer").text] * 2
    asyncio.run(models.aclose())


@in_process
async def test_what_does_not_fit_is_told_before_it_is_read(side: MlxSide) -> None:
    models = side.models()
    with pytest.raises(ModelsFailedError, match="do not fit into its context window of 1024"):
        await ask(models, "Hello " * 2000)
    await models.aclose()


@in_process
async def test_an_answer_is_held_to_its_form(side: MlxSide) -> None:
    models = side.models()
    found = await models.reply_as("reasoning", [HumanMessage("Hello")], Sure)
    assert isinstance(found.value, Sure)
    assert len(found.reply.calls) == 1
    await models.aclose()


@pytest.fixture
def endless_model(trained_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same model with a window that no machine fills while a test waits for it."""
    folder = tmp_path / "endless"
    shutil.copytree(trained_model, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 10_000_000}))
    monkeypatch.setattr(generation, "DEFAULT_MAX_TOKENS", 10_000_000)
    return folder


async def test_an_endless_answer_is_a_timeout_and_stops(endless_model: Path) -> None:
    side = MlxSide("mlx", f"mlx:{endless_model}")
    models, hasty = side.models(), side.models(timeout_s=2)
    await ask(hasty)  # loaded
    with pytest.raises(ModelsFailedError) as failed:
        await hasty.reply("reasoning", [HumanMessage("Hello")], step="plan", form=ENDLESS)
    assert [call.error for call in failed.value.calls] == ["timeout"]
    asking = asyncio.create_task(
        models.reply("reasoning", [HumanMessage("Hello")], step="plan", form=ENDLESS)
    )
    await asyncio.sleep(0.3)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    # A model serves one call at a time, so an answer shows that the cancelled one has ended.
    assert (await asyncio.wait_for(ask(models), 30)).text == side.said("answer").text
    for each in (models, hasty):
        await each.aclose()


@in_process
def test_a_model_that_is_not_there_is_told_at_the_start(side: MlxSide) -> None:
    with pytest.raises(ModelConfigError, match="run: duograph pull no-org/none"):
        one_try(side.chain.partition(":")[0] + ":no-org/none")


@behind_http
async def test_a_model_that_the_server_does_not_have_is_not_found(side: MlxSide) -> None:
    models = one_try(side.chain.replace("default_model", "no-org/none"))
    assert await errors(models) == ["not_found"]
    await models.aclose()


@behind_http
async def test_a_server_that_stands_still_is_a_timeout_and_answers_when_it_goes_on(side: MlxSide) -> None:
    models, hasty = side.models(), side.models(timeout_s=1)
    await ask(models)
    with side.stopped():
        assert await errors(hasty) == ["timeout"]
        asking = asyncio.create_task(ask(models))
        await asyncio.sleep(0.2)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(asyncio.shield(asking), timeout=10)
    assert (await ask(models)).text == side.said("answer").text
    for each in (models, hasty):
        await each.aclose()


async def test_a_server_that_dies_is_a_failed_connection_and_never_an_answer(trained_model: Path) -> None:
    with serve_mlx("mlx_lm.server", trained_model) as side:
        models = side.models()
        await ask(models)
        assert side.process is not None
        with side.stopped():
            asking = asyncio.create_task(errors(models))
            await asyncio.sleep(0.3)
            side.process.kill()
            assert await asking == ["cut_stream"]
        side.process.wait(30)
        assert await errors(models) == ["connection"]
        await models.aclose()
