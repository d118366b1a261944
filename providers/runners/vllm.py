"""The runner `vllm`: vLLM's engine in this process, on the event loop that asks first.

Written against vLLM's own example of streaming with `AsyncLLM` (documentation of 0.22, "Async LLM Streaming")
and its `SamplingParams` as the sources of 2026 have them; last compared on 2026-11-21. vLLM needs a GPU that
our machines lack, so it was never run by us: the tests play its part.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import inspect
import uuid
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from providers.protocol import ModelConfigError, ModelError
from providers.runners.protocol import End, LoadedModel, Piece
from providers.scrub import one_line

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from providers.runners.protocol import FinishReason, Request

DEFAULT_MAX_TOKENS = 8192
"""What may come back when the request sets no limit; vLLM's own default is 16."""


class VllmRunner:
    """Runs one model with vLLM; implements `providers.runners.Runner`.

    Thinking stays in the text, with its tags. Tools are for `vllm serve`, which knows each model's way.
    """

    def __init__(self) -> None:
        """Load nothing yet."""
        self._model = ""
        self._engine: Any = None
        self._tokenizer: Any = None
        self._context_tokens: int | None = None
        self._loading = asyncio.Lock()

    async def load(self, model: str) -> LoadedModel:
        """Start the engine with a model; see `Runner.load`.

        Args:
            model: A folder or hub id, as vLLM takes it.

        Raises:
            ModelConfigError: When vLLM is missing, or cannot run the model.
        """
        if importlib.util.find_spec("vllm") is None:
            raise ModelConfigError(
                f"runner:vllm:{model} needs vLLM; run: pip install vllm, "
                "or name a server that has it: openai:MODEL@http://localhost:8000/v1."
            )
        async with self._loading:
            if self._engine is not None and model != self._model:
                await self.cleanup()
            if self._engine is None:
                await self._start(model)
        return LoadedModel(context_tokens=self._context_tokens, tools=False, json_schema=True)

    async def generate(self, request: Request) -> AsyncGenerator[Piece | End, None]:
        """Go on with a conversation; see `Runner.generate`. Closing it aborts the request in the engine.

        Raises:
            ModelConfigError: When nothing was loaded.
            ModelError: When the prompt is too long, or the engine fails.
        """
        if self._engine is None:
            raise ModelConfigError("The runner has loaded no model; call load(MODEL) first.")
        prompt = self._prompt(request)
        self._check_room(prompt)
        answer = self._engine.generate(
            prompt={"prompt_token_ids": prompt},
            sampling_params=_sampling_params(request),
            request_id=f"duograph-{uuid.uuid4().hex}",
        )
        received, cached = 0, 0
        finish: str | None = None
        async with aclosing(answer) as outputs:
            async for output in outputs:
                for part in output.outputs:
                    received += len(part.token_ids)
                    finish = part.finish_reason or finish
                    if part.text:
                        yield Piece(text=part.text)
                cached = output.num_cached_tokens or cached
        if finish is None:
            raise ModelError("cut_stream", "vLLM ended the answer without a reason; try again.")
        reason: FinishReason = "length" if finish == "length" else "stop"
        yield End(reason, len(prompt), received, cached)

    async def cleanup(self) -> None:
        """Stop the engine and its processes; see `Runner.cleanup`."""
        engine, self._engine, self._tokenizer, self._model = self._engine, None, None, ""
        if engine is not None:
            await asyncio.to_thread(engine.shutdown)

    async def _start(self, model: str) -> None:
        try:
            # Takes a minute or more, and vLLM starts its output handler with the first request anyway.
            engine = await asyncio.to_thread(_make_engine, model)
        except Exception as error:  # noqa: BLE001 - whatever vLLM and torch raise
            reason = one_line(f"{type(error).__name__}: {error}")
            raise ModelConfigError(f"vLLM cannot run {model} ({reason}); see its documentation.") from None
        tokenizer = engine.get_tokenizer()
        self._tokenizer = await tokenizer if inspect.isawaitable(tokenizer) else tokenizer
        self._context_tokens = int(engine.model_config.max_model_len)
        self._engine, self._model = engine, model

    def _prompt(self, request: Request) -> list[int]:
        options = {} if request.thinking is None else {"enable_thinking": request.thinking}
        try:
            text = self._tokenizer.apply_chat_template(
                [dict(message) for message in request.messages],
                add_generation_prompt=True,
                tokenize=False,
                **options,
            )
        except Exception as error:  # noqa: BLE001 - templates are programs of the model's makers
            reason = one_line(f"{type(error).__name__}: {error}")
            raise ModelError("unknown", f"its chat template refuses these messages ({reason}).") from None
        return list(self._tokenizer.encode(text, add_special_tokens=False))

    def _check_room(self, prompt: list[int]) -> None:
        if self._context_tokens is not None and len(prompt) >= self._context_tokens:
            raise ModelError(
                "context_overflow",
                f"the conversation has {len(prompt)} tokens and {self._model} reads {self._context_tokens}; "
                "shorten it or start anew.",
            )


def _make_engine(model: str) -> Any:  # noqa: ANN401 - untyped
    arguments = importlib.import_module("vllm.engine.arg_utils").AsyncEngineArgs(model=model)
    return importlib.import_module("vllm.v1.engine.async_llm").AsyncLLM.from_engine_args(arguments)


def _sampling_params(request: Request) -> Any:  # noqa: ANN401 - untyped
    library = importlib.import_module("vllm.sampling_params")
    sampling = request.sampling
    wanted = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
        "seed": request.seed,
        "stop": list(request.stop) or None,
    }
    if request.json_schema is not None:
        wanted["structured_outputs"] = library.StructuredOutputsParams(json=dict(request.json_schema))
    return library.SamplingParams(
        max_tokens=request.max_tokens or DEFAULT_MAX_TOKENS,
        output_kind=library.RequestOutputKind.DELTA,
        **{name: value for name, value in wanted.items() if value is not None},
    )
