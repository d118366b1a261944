"""The offline chat model: LangChain's interface in front of the cookbook."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import cache
from typing import Any, get_args

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import LanguageModelInput
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import RunnableConfig
from pydantic import PrivateAttr
from typing_extensions import override

from providers.labels import labelled
from providers.offline import replies
from providers.offline.cookbook import Cookbook, Match
from providers.offline.lessons import lesson
from providers.offline.replies import Draft
from providers.protocol import Step

_CHUNK_CHARACTERS = 48
_CHARACTERS_PER_TOKEN = 4
_STEPS: tuple[str, ...] = get_args(Step)


@cache
def _cookbook_of_the_package() -> Cookbook:
    """One for all models of a process: it never changes, and reading it takes longer than most turns."""
    return Cookbook()


class OfflineChatModel(BaseChatModel):
    """A deterministic chat model that answers from a cookbook and declines everything else.

    What is asked for stands in the run's metadata: `config={"metadata": {"duograph_step": "code"}}` with
    one of the steps of `providers.protocol.Step`, `answer` when absent. The request is what stands between
    the last `<request>` and `</request>` of the last human message, or that whole message. A decline also
    stands in `additional_kwargs["refusal"]`.
    """

    _cookbook: Cookbook = PrivateAttr(default_factory=_cookbook_of_the_package)

    @property
    @override
    def _llm_type(self) -> str:
        return "offline"

    @override
    def invoke(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        return super().invoke(input, config, stop=stop, **labelled(config, kwargs))

    @override
    async def ainvoke(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        return await super().ainvoke(input, config, stop=stop, **labelled(config, kwargs))

    @override
    def stream(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> Iterator[AIMessageChunk]:
        return super().stream(input, config, stop=stop, **labelled(config, kwargs))

    @override
    def astream(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[AIMessageChunk]:
        return super().astream(input, config, stop=stop, **labelled(config, kwargs))

    @override
    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return _result(messages, self._draft(messages, _step(run_manager, kwargs)))

    @override
    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        # The first search reads files, which must not block the event loop.
        return _result(messages, await asyncio.to_thread(self._draft, messages, _step(run_manager, kwargs)))

    @override
    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        yield from _chunks(messages, self._draft(messages, _step(run_manager, kwargs)))

    @override
    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        draft = await asyncio.to_thread(self._draft, messages, _step(run_manager, kwargs))
        for chunk in _chunks(messages, draft):
            yield chunk
            # Without this a long reply would keep every other task waiting.
            await asyncio.sleep(0)

    def _draft(self, messages: Sequence[BaseMessage], step: str) -> Draft:
        said = _last_human_text(messages)
        if turn := _between(said, "turn"):
            return lesson(turn)
        return self._said(said, step)

    def _said(self, said: str, step: str) -> Draft:
        request = _request(said)
        if step == "answer" and (facts := _between(said, "facts")):
            return replies.from_facts(facts)
        if step == "answer" and (talk := replies.small_talk(request, self._cookbook)):
            return talk
        if step == "diagnose":
            return replies.no_diagnosis()
        if step == "review":
            return replies.no_review()
        match = self._cookbook.find(request)
        if match is None:
            return replies.no_recipe()
        return _served(match, step, failed="<failure>" in said)


def _served(match: Match, step: str, *, failed: bool) -> Draft:
    if step == "code":
        return replies.no_second_recipe(match) if failed else replies.code(match)
    if step == "plan":
        return replies.plan(match)
    return replies.judge(match) if step == "judge" else replies.answer(match)


def _step(
    run_manager: AsyncCallbackManagerForLLMRun | CallbackManagerForLLMRun | None, kwargs: dict[str, Any]
) -> str:
    metadata = run_manager.metadata if run_manager else {}
    step = kwargs.get("duograph_step", metadata.get("duograph_step", "answer"))
    if step not in _STEPS:
        raise ValueError(f"metadata 'duograph_step' must be one of {', '.join(_STEPS)}, got {step!r}")
    return str(step)


def _last_human_text(messages: Sequence[BaseMessage]) -> str:
    humans = (message for message in reversed(messages) if isinstance(message, HumanMessage))
    last = next(humans, None)
    return "" if last is None else str(last.text)


def _request(said: str) -> str:
    return _between(said, "request") or said.strip()


def _between(said: str, tag: str) -> str:
    """What stands between the last `<tag>` and its end; nothing where there is none."""
    _, opened, rest = said.rpartition(f"<{tag}>")
    inner, closed, _ = rest.partition(f"</{tag}>")
    return inner.strip() if opened and closed else ""


def _result(messages: Sequence[BaseMessage], draft: Draft) -> ChatResult:
    message = AIMessage(
        content=draft.text,
        additional_kwargs=_refusal(draft),
        response_metadata=_metadata(draft),
        usage_metadata=_usage(messages, draft),
    )
    return ChatResult(generations=[ChatGeneration(message=message)])


def _chunks(messages: Sequence[BaseMessage], draft: Draft) -> Iterator[ChatGenerationChunk]:
    for start in range(0, len(draft.text), _CHUNK_CHARACTERS):
        piece = draft.text[start : start + _CHUNK_CHARACTERS]
        yield ChatGenerationChunk(message=AIMessageChunk(content=piece))
    # Adding chunks joins equal keys, so what must survive once stands on one chunk only.
    yield ChatGenerationChunk(
        message=AIMessageChunk(
            content="",
            additional_kwargs=_refusal(draft),
            response_metadata=_metadata(draft),
            usage_metadata=_usage(messages, draft),
            chunk_position="last",
        ),
    )


def _refusal(draft: Draft) -> dict[str, Any]:
    return {"refusal": draft.text} if draft.declined else {}


def _metadata(draft: Draft) -> dict[str, Any]:
    return {
        "model_name": "offline",
        "model_provider": "offline",
        "recipe": draft.recipe,
        "usage_is_estimate": True,
        "finish_reason": "stop",
    }


def _usage(messages: Sequence[BaseMessage], draft: Draft) -> UsageMetadata:
    """Estimate tokens as a quarter of the characters, since there is no tokenizer."""
    read = -(-sum(len(message.text) for message in messages) // _CHARACTERS_PER_TOKEN)
    written = -(-len(draft.text) // _CHARACTERS_PER_TOKEN)
    return UsageMetadata(input_tokens=read, output_tokens=written, total_tokens=read + written)
