"""Decide what a request is, by what is certain first: the caller, signals, a classifier, one model call.

Each step is taken at most once, and the last one always gives an answer, so a decision ends. Nothing here can
call a tool, and a failure of a step is the next step's turn.
"""

import asyncio
import time
from typing import Final

from memory import Memory, MemoryStoreError
from memory.records import Hit, Query
from nodes.context import Task
from nodes.cost import Cost
from nodes.decisions import Asked, Decision, Tier, before
from nodes.routing_question import ROUTING_S, Said, ask_model
from nodes.telling import asked_about, asks, may_ask, may_be_answered, may_tell, told
from providers.protocol import Call, Models
from routing.classifier import Decision as Guess
from routing.classifier import Router
from routing.labels import Subject

FACT_S: Final = 0.5
"""Seconds that memory may take to say whether it holds the answer."""

NEAR_FACT: Final = 0.3
"""Below this, memory holds nothing about a text that was only guessed to ask it."""

SURE_FACT: Final = 0.6
"""A stored fact answers a question when it holds so much of its words; see `memory.scoring`."""

_MOST_QUESTION = 200


class Cascade:
    """Decides; see the module."""

    def __init__(
        self, classifier: Router, *, models: Models | None = None, memory: Memory | None = None
    ) -> None:
        """Note who is asked.

        Args:
            classifier: The local tier.
            models: Whose reasoning role is asked when the classifier abstains; None to ask nobody.
            memory: Where a stored fact may answer the question; None to look nowhere.
        """
        self._classifier = classifier
        self._models = models
        self._memory = memory

    @property
    def cost(self) -> Cost:
        """One short question, where a model is asked at all, and a look into memory."""
        asks = self._models is not None
        return Cost(memory_s=FACT_S, routing=int(asks), routing_s=ROUTING_S if asks else 0.0)

    async def decide(self, asked: Asked) -> tuple[Decision, list[Call]]:
        """Decide, and give the attempts at models that it took: one at most."""
        began = time.perf_counter()
        calls: list[Call] = []
        until = time.monotonic() + FACT_S
        decision = self._at_once(asked) or await self._by_fact(asked, until)
        if decision is None:
            guess = self._guess(asked)
            decision = _weighed(asked, guess)
            if decision is None:
                said = Said() if self._models is None else await ask_model(self._models, asked)
                decision, calls = said.decision or _guessed(asked, guess, "default", said.note), said.calls
            if decision.task == "knowledge_retrieve" and await self._holds_nothing(asked, until):
                note = "Memory holds nothing about this."
                decision = decision.model_copy(update={"task": "general", "note": decision.note or note})
        ms = round((time.perf_counter() - began) * 1000, 3)
        return decision.model_copy(update={"ms": ms}), calls

    def _guess(self, asked: Asked) -> Guess:
        """The local tier's word."""
        return self._classifier.decide(asked.text, has_code=asked.has_code, has_diff=asked.has_diff)

    def _at_once(self, asked: Asked) -> Decision | None:
        """What the caller said, what this session said before, and what leaves no doubt."""
        if asked.task is not None:
            return Decision(task=asked.task, subject=self._subject(asked), tier="caller", confidence=1.0)
        if known := before(asked.decided, asked.key):
            return known
        task = _signal(asked)
        return None if task is None else Decision(task=task, tier="signal", confidence=1.0)

    def _subject(self, asked: Asked) -> Subject:
        """What an explanation is about, where the caller said that it is one."""
        if asked.task != "explanation":
            return "general"
        return self._guess(asked).subject

    async def _by_fact(self, asked: Asked, until: float) -> Decision | None:
        """Whether memory holds the answer to a short question about the asker; it is not waited for long."""
        short = len(asked.text) <= _MOST_QUESTION and not asked.has_code
        if self._memory is None or not asked.uses_memory or not short:
            return None
        if not may_be_answered(asked.text):
            return None
        query = Query(text=asked_about(asked.text), kinds=("fact",), max_results=1, min_score=SURE_FACT)
        hits = await self._search(asked, query, until)
        return Decision(task="knowledge_retrieve", tier="signal", confidence=1.0) if hits else None

    async def _holds_nothing(self, asked: Asked, until: float) -> bool:
        """Whether a guess that memory is asked would end in «nothing found»; False when it cannot tell."""
        query = Query(text=asked_about(asked.text), max_results=1, min_score=NEAR_FACT)
        return await self._search(asked, query, until) == []

    async def _search(self, asked: Asked, query: Query, until: float) -> list[Hit] | None:
        """What memory finds; None without a memory, or when it fails or takes too long."""
        if self._memory is None:
            return None
        try:
            async with asyncio.timeout(max(0.0, until - time.monotonic())):
                return list(await self._memory.search(asked.user, query))
        except (MemoryStoreError, TimeoutError):
            return None


def _signal(asked: Asked) -> Task | None:
    """What whole sentences, code and tests leave no doubt about."""
    if not asked.has_code and not asked.has_tests:
        if told(asked.text, at_work=asked.at_work):
            return "knowledge_store"
        if asked.uses_memory and asks(asked.text):
            return "knowledge_retrieve"
    if asked.is_review and not asked.is_change:
        return "code_review"
    return "code_generation" if asked.has_tests else None


def _weighed(asked: Asked, guess: Guess) -> Decision | None:
    """The classifier's word in the light of what is there; None when it abstains and nothing else tells."""
    task, sure = guess.label, guess.is_sure
    if asked.is_change and (not sure or task in {"general", "problem_solving"}):
        return Decision(task="code_generation", tier="signal", confidence=1.0)
    if asked.brings_code and task == "general":
        return Decision(task="code_review", tier="signal", confidence=1.0)
    tier: Tier = "signal" if guess.tier == "hard_signal" else "classifier"
    return _guessed(asked, guess, tier) if sure else None


def _guessed(asked: Asked, guess: Guess, tier: Tier, note: str = "") -> Decision:
    """A guess as a decision; memory is left alone where code or tests came along, or the run may not look."""
    task = guess.label
    kept_out = asked.has_code or asked.has_tests or tier == "default"
    if task == "knowledge_store" and (kept_out or not may_tell(asked.text)):
        task = "general"
    if task == "knowledge_retrieve" and (kept_out or not asked.uses_memory or not may_ask(asked.text)):
        task = "general"
    subject = guess.subject if task == "explanation" else "general"
    return Decision(task=task, subject=subject, tier=tier, confidence=guess.confidence, note=note)
