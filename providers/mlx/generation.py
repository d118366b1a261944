"""Loads a model and generates with it; everything here runs on the one thread that owns the model."""

from __future__ import annotations

import secrets
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from providers.mlx import grammar
from providers.mlx.forced import answer_schema
from providers.mlx.importing import open_file_limit_kept
from providers.mlx.output import Output
from providers.protocol import ModelError
from providers.runners.protocol import End, LoadedModel, Piece
from providers.scrub import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from providers.mlx.files import ModelFiles
    from providers.runners.protocol import FinishReason, Request

DEFAULT_MAX_TOKENS = 8192
"""What may come back when the request sets no limit: a model that never stops must stop somewhere."""

PROMPT_CACHES = 8
"""Conversations whose prompts are kept ready."""

_PREFILL_STEP = 512
"""Tokens of a prompt that are read at once; between two steps a call can be cancelled."""

_KEY = "model"  # the cache can hold several models, ours holds one


class CancelledGeneration(Exception):  # noqa: N818 - nothing went wrong
    """Nobody waits for the answer any more."""


@dataclass(slots=True)
class MlxModel:
    """A model in memory, and the prompts it has read.

    Attributes:
        files: What it was loaded from.
        model: mlx-lm's model.
        tokenizer: mlx-lm's `TokenizerWrapper`.
        prompts: mlx-lm's `LRUPromptCache`.
    """

    files: ModelFiles
    model: Any
    tokenizer: Any
    prompts: Any
    _vocabulary: Any = field(default=None)

    @property
    def facts(self) -> LoadedModel:
        """What the runner tells about it."""
        return LoadedModel(
            context_tokens=self.files.context_tokens,
            tools=bool(self.tokenizer.has_tool_calling),
            json_schema=grammar.is_available(),
        )

    def vocabulary(self) -> Any:  # noqa: ANN401 - untyped
        """The tokenizer for grammars, read at first use.

        Raises:
            ModelError: When llguidance cannot read it.
        """
        if self._vocabulary is None:
            self._vocabulary = grammar.grammar_tokenizer(self.tokenizer)
        if self._vocabulary is None:
            raise ModelError("unknown", "its tokenizer cannot be held to a schema; ask in words.")
        return self._vocabulary


def load(files: ModelFiles, prompt_cache_bytes: int) -> MlxModel:
    """Load weights and tokenizer; code that comes with a model is never run.

    Args:
        files: The model.
        prompt_cache_bytes: What the prompts that it has read may take; a conversation of 8000 tokens takes
            some 1.2 GB with an 8B model.

    Raises:
        ModelError: When mlx-lm cannot load them.
    """
    with open_file_limit_kept():
        from mlx_lm.utils import load as load_mlx  # noqa: PLC0415 - heavy
    from mlx_lm.models.cache import LRUPromptCache  # noqa: PLC0415 - heavy

    try:
        model, tokenizer = load_mlx(str(files.folder))[:2]
    except Exception as error:  # noqa: BLE001 - a broken file can break anything in mlx-lm
        reason = one_line(f"{type(error).__name__}: {error}")
        raise ModelError(
            "unknown", f"{files.folder.name} cannot be loaded ({reason}); pull it again."
        ) from None
    if not tokenizer.has_chat_template:
        raise ModelError(
            "unknown", f"{files.folder.name} has no chat template; use a model that was made to chat."
        )
    return MlxModel(files, model, tokenizer, LRUPromptCache(PROMPT_CACHES, prompt_cache_bytes))


def generate(
    model: MlxModel, request: Request, emit: Callable[[Piece | End], None], stopped: Callable[[], bool]
) -> None:
    """Answer one request.

    Args:
        model: Loaded on this very thread.
        request: What to answer.
        emit: Takes the pieces as they come, and the `End`.
        stopped: Whether nobody waits for the answer any more; asked before each token.

    Raises:
        CancelledGeneration: When `stopped` said so.
        ModelError: When the prompt is too long, or the answer cannot be read.
    """
    prompt = _prompt(model, request)
    thinking = _thinks(model.tokenizer, prompt)
    run = _Run(model, request, prompt, thinking=thinking, stopped=stopped)
    output = Output(model.tokenizer, request, thinking=thinking)
    finish: FinishReason = "stop"
    with closing(run.tokens()) as responses:
        for response in responses:
            for piece in output.feed(response.text):
                emit(piece)
            if output.stopped:
                break
            finish = "length" if response.finish_reason == "length" else "stop"
    if run.processor is not None and run.processor.failed:
        raise ModelError("malformed", "the JSON schema was too much for llguidance; simplify it.")
    for piece in output.end():
        emit(piece)
    run.keep()
    reason: FinishReason = "tool_calls" if output.called and finish == "stop" else finish
    emit(End(reason, len(prompt), len(run.spent), run.cached, output.reasoning_tokens))


class _Run:
    """One pass of mlx-lm over a prompt, with what is left of it after the prompt cache."""

    def __init__(
        self,
        model: MlxModel,
        request: Request,
        prompt: list[int],
        *,
        thinking: bool,
        stopped: Callable[[], bool],
    ) -> None:
        self._model, self._request, self._prompt, self._stopped = model, request, prompt, stopped
        self._limit = _limit(model, request, prompt)
        self._cache, rest = self._fetch()
        self._rest = rest
        self.cached = len(prompt) - len(rest)
        self.spent: list[int] = []
        schema = answer_schema(request)
        self.processor = None if schema is None else self._json(schema, thinking=thinking)

    def tokens(self) -> Generator[Any]:
        """Yield mlx-lm's responses; close it on this thread."""
        import mlx.core as mx  # noqa: PLC0415 - heavy
        from mlx_lm.generate import stream_generate  # noqa: PLC0415 - heavy
        from mlx_lm.sample_utils import make_logits_processors, make_sampler  # noqa: PLC0415 - heavy

        ours, advised = self._request.sampling, self._model.files.sampling
        temperature = advised.temperature if ours.temperature is None else ours.temperature
        top_p = advised.top_p if ours.top_p is None else ours.top_p
        processors = make_logits_processors(
            presence_penalty=ours.presence_penalty, frequency_penalty=ours.frequency_penalty
        )
        # The generator of random numbers belongs to the thread, so the last request's seed would go on.
        seed = self._request.seed
        mx.random.seed(secrets.randbits(32) if seed is None else seed)
        responses = stream_generate(
            self._model.model,
            self._model.tokenizer,
            self._rest,
            max_tokens=self._limit,
            sampler=make_sampler(temp=temperature or 0.0, top_p=top_p or 0.0),
            logits_processors=[*processors, *([self.processor] if self.processor else [])],
            prompt_cache=self._cache,
            prefill_step_size=_PREFILL_STEP,
            prompt_progress_callback=self._check,
        )
        with closing(responses):
            for response in responses:
                self._check()
                self.spent.append(response.token)
                yield response

    def keep(self) -> None:
        """Keep what was read and written for the next turn of this conversation."""
        known = [*self._prompt, *self.spent]
        # What was sampled last may not have been read back yet.
        offset = getattr(self._cache[0], "offset", len(known))
        if offset <= len(known):
            self._model.prompts.insert_cache(_KEY, known[:offset], self._cache)

    def _check(self, *_progress: int) -> None:
        if self._stopped():
            raise CancelledGeneration

    def _fetch(self) -> tuple[Any, list[int]]:
        from mlx_lm.models.cache import (  # noqa: PLC0415 - heavy
            can_trim_prompt_cache,
            make_prompt_cache,
            trim_prompt_cache,
        )

        cache, rest = self._model.prompts.fetch_nearest_cache(_KEY, self._prompt)
        if cache is not None and not rest:
            # The model must be fed at least one token to say what follows it.
            if can_trim_prompt_cache(cache):
                trim_prompt_cache(cache, 1)
                return cache, self._prompt[-1:]
            cache = None
        return (make_prompt_cache(self._model.model), self._prompt) if cache is None else (cache, rest)

    def _json(self, schema: dict[str, Any], *, thinking: bool) -> grammar.JsonProcessor:
        tokenizer = self._model.tokenizer
        after = tuple(tokenizer.think_end_tokens) if thinking else ()
        return grammar.JsonProcessor(self._model.vocabulary(), schema, after=after)


def _prompt(model: MlxModel, request: Request) -> list[int]:
    options: dict[str, Any] = {}
    is_held = answer_schema(request) is not None
    if request.thinking is not None or is_held:
        # A schema leaves no room for thinking, unless the template insists.
        options["enable_thinking"] = bool(request.thinking) and not is_held
    try:
        prompt = model.tokenizer.apply_chat_template(
            [dict(message) for message in request.messages],
            tools=[dict(tool) for tool in request.tools] or None,
            add_generation_prompt=True,
            **options,
        )
    except Exception as error:  # noqa: BLE001 - templates are programs of the model's makers
        reason = one_line(f"{type(error).__name__}: {error}")
        raise ModelError("unknown", f"its chat template refuses these messages ({reason}).") from None
    return list(prompt)


def _thinks(tokenizer: Any, prompt: list[int]) -> bool:  # noqa: ANN401
    """Tell whether the template has opened the thinking, so that the answer begins in the middle of it."""
    if not tokenizer.has_thinking:
        return False
    return bool(tokenizer.rfind_think_start(prompt) > tokenizer.rfind_think_end(prompt))


def _limit(model: MlxModel, request: Request, prompt: list[int]) -> int:
    wanted = request.max_tokens if request.max_tokens is not None else DEFAULT_MAX_TOKENS
    window = model.files.context_tokens
    if window is None:
        return max(wanted, 1)
    if len(prompt) >= window:
        raise ModelError(
            "context_overflow",
            f"the conversation has {len(prompt)} tokens and {model.files.folder.name} reads {window}; "
            "shorten it or start anew.",
        )
    return max(min(wanted, window - len(prompt)), 1)
