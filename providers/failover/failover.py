"""Asks the models of a chain until one answers: tries, waits, breakers, restarts; see `docs/providers.md`."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from providers.answers.again import for_model, spoken, stamped
from providers.answers.answer import Answer, check_answer, read_answer
from providers.backend import Timeouts
from providers.failover.breaker import Ticket
from providers.failover.course import Candidate, Course, Question
from providers.failover.errors import Target, classify
from providers.failover.estimate import input_tokens
from providers.failover.streaming import collect
from providers.protocol import (
    ErrorKind,
    LimitReachedError,
    ModelConfigError,
    ModelError,
    ModelsFailedError,
    Reply,
    Step,
)
from providers.scrub import one_line

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from providers.backend import ModelSpec
    from providers.failover.attempt import Attempt
    from providers.failover.budget import Budget
    from providers.failover.per_loop import BackendsPerLoop
    from providers.failover.retrying import Retries

PARTIAL_STEPS: Final[frozenset[Step]] = frozenset({"answer"})
"""What half an answer is still worth something for: a text that a person reads."""

# The estimate counts three bytes a token, to be safe with money; a model must not be passed over for that.
_SURE_SHARE = 0.75
_LEAST_OUTPUT = 256
# The server knows a field not at all, or not for this model.
_REFUSED = (400, 422)
# What shows before anything is sent, so that no model was called.
_BEFORE_ASKING: Final = frozenset[ErrorKind | None]({"context_overflow", "not_found"})
_ANY_TIMEOUTS: Final = Timeouts()


class Failover:
    """Asks candidates in order; the first complete answer wins, and answers are never spliced."""

    def __init__(
        self,
        backends: BackendsPerLoop,
        *,
        retries: Retries,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Keep the rules.

        Args:
            backends: Gives each spec's chat model.
            retries: When a model is asked again.
            sleep: Waits some seconds.
        """
        self._backends = backends
        self._retries = retries
        self._sleep = sleep

    async def answer(self, question: Question, candidates: Sequence[Candidate], budget: Budget) -> Reply:
        """Ask until one answers; see `Models.reply` for the errors."""
        course = Course(question, budget, input_tokens(question.messages))
        for place, candidate in enumerate(candidates):
            answer = await self._model(candidate, course, has_backup=place + 1 < len(candidates))
            if answer is not None:
                return course.reply(answer, place=place)
        if course.left_alone:
            # Nobody else is left, so the endpoint that would open first is tried before giving up.
            first, _ = min(course.left_alone, key=lambda each: each[1].opens_in_s)
            answer = await self._model(first, course, has_backup=False, anyway=True)
            if answer is not None:
                return course.reply(answer, place=list(candidates).index(first))
        if course.partial is not None and question.step in PARTIAL_STEPS:
            return course.reply(course.partial, partial=True)
        if course.misconfigured and len(course.misconfigured) == len(course.reasons):
            raise course.misconfigured[0]  # no model was there to fail: a person must mend the chain
        reasons = " | ".join(course.reasons)
        raise ModelsFailedError(f"No model answered for the {question.role} role: {reasons}", budget.calls)

    async def _model(
        self, candidate: Candidate, course: Course, *, has_backup: bool, anyway: bool = False
    ) -> Answer | None:
        """Ask one model as often as the rule allows; None when it did not answer."""
        failure: ModelError | None = None
        course.begin(candidate)
        asked = tried = 0
        while tried < candidate.tries:
            ticket = Ticket()
            if candidate.breaker is not None:
                leave = candidate.breaker.admit(anyway=anyway)
                if leave is None:
                    break
                ticket = leave
            asked += 1
            result, attempt = await self._attempt(candidate, course, ticket, asked)
            if isinstance(result, Answer):
                candidate.refused.update(course.refused)
                return result
            failure = result
            if course.steps_down(attempt, failure) or course.drops_tools(candidate, failure):
                continue
            tried += 1
            # A last resort is one try, even where the endpoint has recovered: no bound counts its waits.
            if tried == candidate.tries or ticket.is_probe or anyway:
                break
            wait = self._retries.wait_s(failure, tried=tried, shown=attempt.shown, has_backup=has_backup)
            if not await self._waited(wait, course.budget):
                break
        if failure is not None:
            course.give_up(candidate.spec, failure)
        elif candidate.breaker is not None:
            course.leave_alone(candidate, candidate.breaker)
        return None

    async def _waited(self, wait: float | None, budget: Budget) -> bool:
        """Wait before another try; tell whether there may be one."""
        if wait is None or not budget.has_time_for(wait, now=_now()):
            return False
        if wait and budget.has_attempt:
            await self._sleep(wait)
        return True

    async def _attempt(
        self, candidate: Candidate, course: Course, ticket: Ticket, tried: int
    ) -> tuple[Answer | ModelError, Attempt]:
        """Make one attempt within the budget, record it and settle its breaker; give what came of it."""
        budget, breaker = course.budget, candidate.breaker
        try:
            attempt = budget.admit(course.needed, candidate.rate, now=_now())
            started = _now()
            try:
                result = await self._ask(candidate, course, attempt)
            except asyncio.CancelledError:
                # What it took until now was taken, whoever does not wait for the rest.
                if attempt.sent:
                    latency_s = _now() - started
                    budget.calls.append(
                        course.call(candidate, attempt, "cancelled", tried, latency_s=latency_s)
                    )
                raise
            error = result.kind if isinstance(result, ModelError) else None
            attempt.refused = isinstance(result, ModelError) and result.status in _REFUSED
            if breaker is not None and attempt.sent and attempt.struck is None:
                breaker.settle(
                    ticket, error, result.retry_after_s if isinstance(result, ModelError) else None
                )
        finally:
            if breaker is not None:
                breaker.release(ticket)
        if error in _BEFORE_ASKING and not attempt.sent:
            course.passed_over.append(f"{candidate.spec}: {result}")
            return result, attempt
        latency_s = _now() - (attempt.began or started)
        budget.calls.append(course.call(candidate, attempt, error, tried, latency_s=latency_s))
        if attempt.struck is not None:
            raise LimitReachedError(attempt.struck, budget.calls)
        if error is not None and attempt.shown:
            course.break_off(candidate, attempt, error)
        return result, attempt

    async def _ask(self, candidate: Candidate, course: Course, attempt: Attempt) -> Answer | ModelError:
        """Ask one model; every failure but cancellation becomes a `ModelError`."""
        turn = asyncio.timeout_at(course.budget.deadline)
        try:
            async with turn:
                question = course.question
                backend = await self._backends.get(*_built(candidate, question))
                own = question.manner.loading.num_ctx if backend.loading else None
                await self._check_window(candidate, course, attempt, own)
                # To import a client takes longer than many a model to answer, and is not the model's doing.
                attempt.began = _now()
                config = course.config()
                course.without_tools = course.without_tools or question.manner.goes_without(backend)
                messages = for_model(question.messages, candidate.spec)
                if course.without_tools:
                    messages = spoken(messages)
                message = await collect(backend, messages, config, attempt, course.manner)
            attempt.check_end(message)
            answer = read_answer(message)
            check_answer(message, answer, candidate.end_marks)
        except ModelConfigError as error:
            course.misconfigured.append(error)
            return ModelError("not_found", one_line(str(error), candidate.target.secrets))
        except Exception as error:  # noqa: BLE001 - whatever a backend raises, the next one is asked
            if turn.expired():
                attempt.struck = "deadline"
                return ModelError("timeout", "the turn's deadline passed.")
            return classify(error, _target(candidate, course.question.manner.timeouts))
        return replace(answer, message=stamped(message, candidate.spec))

    async def _check_window(
        self, candidate: Candidate, course: Course, attempt: Attempt, own: int | None
    ) -> None:
        """Refuse to send what surely does not fit into the model's context window, or the one that was set.

        Raises:
            ModelError: `context_overflow` when it does not.
        """
        window = candidate.window
        if window is None:
            window = await self._backends.window(*_built(candidate, course.question))
        window = min(filter(None, (window, own)), default=None)
        wanted = min(attempt.output_limit or _LEAST_OUTPUT, _LEAST_OUTPUT)
        if window is not None and course.needed * _SURE_SHARE + wanted > window:
            raise ModelError(
                "context_overflow",
                f"not asked, about {course.needed} tokens do not fit into its context window of {window}; "
                "shorten the conversation or use a model with a larger one.",
            )


def _built(candidate: Candidate, question: Question) -> tuple[ModelSpec, Timeouts]:
    """What a backend is built from; one in this process has no client that would keep to timeouts."""
    return candidate.spec, question.manner.timeouts if candidate.is_remote else _ANY_TIMEOUTS


def _target(candidate: Candidate, timeouts: Timeouts) -> Target:
    connect_s = min(timeouts.connect_s, timeouts.total_s)
    return replace(candidate.target, timeout_s=timeouts.total_s, connect_s=connect_s)


def _now() -> float:
    return asyncio.get_running_loop().time()
