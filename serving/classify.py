"""`duograph classify`: what a text is taken for, and by whom."""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nodes.cascade import Cascade
from nodes.classify import look, problem_with
from nodes.context import Context
from routing.classifier import Classifier
from serving import exits, terminal
from serving.faults import InputError
from serving.inputs import read_request
from serving.json_lines import Answer, LineError, in_order, read_object
from serving.running import Runner

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from nodes.decisions import Decision
    from serving.signals import Signals

_AT_ONCE = 4
"""So many lines wait for a model side by side."""


def classify_text(
    text: str, signals: Signals, *, settings: Mapping[str, str], is_local: bool, as_json: bool
) -> int:
    """Sort one text and give the exit code.

    Args:
        text: The request; `-` for standard input.
        signals: How this process is stopped.
        settings: Those chosen for this run.
        is_local: Whether no model is asked.
        as_json: Whether JSON is printed.

    Raises:
        InputError: When the text is empty, too long or not UTF-8.
        SettingsError: When a setting is wrong.
        ModelConfigError: When a chain names something that does not exist.
    """
    text = read_request(text)
    if problem := problem_with(text, ""):
        raise InputError(problem)

    async def work() -> Decision:
        async with _cascade(settings, is_local=is_local) as cascade:
            return await _sort(cascade, text)

    with Runner(signals) as runner:
        decision = runner.run(work)
    if as_json:
        terminal.json_object(_shown(decision) | {"subject": decision.subject, "note": decision.note})
    else:
        terminal.line(_told(decision))
    return exits.DONE


def classify_lines(signals: Signals, *, settings: Mapping[str, str], is_local: bool) -> int:
    """Sort the texts that standard input brings and give the exit code.

    Args:
        signals: How this process is stopped.
        settings: Those chosen for this run.
        is_local: Whether no model is asked.

    Raises:
        SettingsError: When a setting is wrong.
        ModelConfigError: When a chain names something that does not exist.
        Interrupted: When a signal came.
    """

    async def work() -> set[str]:
        slots = asyncio.Semaphore(_AT_ONCE)
        async with _cascade(settings, is_local=is_local) as cascade:

            async def answer(line: bytes, number: int) -> Answer:
                value = read_object(line, number, fields=("id", "text"), form='{"id", "text"}')
                text = value.get("text")
                if not isinstance(text, str):
                    raise LineError(f"Line {number} has no 'text': give it as a string.", value.get("id"))
                async with slots:
                    return {"id": value.get("id")} | _shown(await _sort(cascade, text))

            return await in_order(sys.stdin.fileno(), answer, error=_error, ahead=4 * _AT_ONCE)

    with Runner(signals) as runner:
        return exits.USAGE if "error" in runner.run(work) else exits.DONE


async def _sort(cascade: Cascade, text: str) -> Decision:
    asked = replace(look(text, Context(), [])[2], uses_memory=True)
    decision, _ = await cascade.decide(asked)
    return decision


@asynccontextmanager
async def _cascade(settings: Mapping[str, str], *, is_local: bool) -> AsyncIterator[Cascade]:
    """The cascade of this installation; memory is not looked into, as nothing is asked of it."""
    if is_local and "routing_minilm" not in settings:
        yield Cascade(Classifier.load())
        return
    from graph.sorting import open_classifier  # noqa: PLC0415  # seconds of imports that --local need not wait for

    if is_local:
        yield Cascade(await asyncio.to_thread(open_classifier, Path(settings["routing_minilm"])))
        return
    from graph.services import role_models  # noqa: PLC0415  # the same
    from graph.settings import Settings  # noqa: PLC0415  # the same

    chosen = Settings(**settings)
    classifier = await asyncio.to_thread(open_classifier, chosen.routing_minilm)
    models = await asyncio.to_thread(role_models, chosen)
    try:
        yield Cascade(classifier, models=models if chosen.routing == "model" else None)
    finally:
        await models.aclose()


def _shown(decision: Decision) -> dict[str, Any]:
    return {
        "label": decision.task,
        "confidence": decision.confidence,
        "tier": decision.tier,
        "ms": decision.ms,
    }


def _told(decision: Decision) -> str:
    subject = f" ({decision.subject})" if decision.task == "explanation" else ""
    sure = "" if decision.confidence is None else f", confidence {decision.confidence:.2f}"
    note = f"; {decision.note}" if decision.note else ""
    return f"{decision.task}{subject}: by {decision.tier}{sure}, {decision.ms:g} ms{note}"


def _error(line_id: object, message: str) -> Answer:
    return {"id": line_id, "label": None, "confidence": None, "tier": None, "ms": None, "error": message}
