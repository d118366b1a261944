"""Holds an answer to a JSON schema: a mask over the next token from llguidance, applied by numpy and MLX."""

from __future__ import annotations

import importlib.util
import json
from typing import TYPE_CHECKING, Any

from providers.protocol import ModelError
from providers.scrub import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping


def is_available() -> bool:
    """Tell whether llguidance is installed."""
    return importlib.util.find_spec("llguidance") is not None


def grammar_tokenizer(tokenizer: Any) -> Any | None:  # noqa: ANN401 - untyped packages
    """Read a tokenizer's vocabulary for the grammar; about a second for a large one, so keep it.

    Args:
        tokenizer: mlx-lm's `TokenizerWrapper`.

    Returns:
        llguidance's tokenizer, or None when it cannot read this kind.
    """
    import llguidance.hf  # noqa: PLC0415 - heavy

    try:
        # The wrapper forwards what it does not know, but llguidance asks for the class.
        return llguidance.hf.from_tokenizer(tokenizer._tokenizer, eos_token=tokenizer.eos_token_id)  # noqa: SLF001
    except ValueError:
        return None


class JsonProcessor:
    """A logits processor of mlx-lm that allows only what continues a text matching the schema.

    One per answer. The whole prompt comes with the first call and is passed over. When the text is complete,
    only the end is allowed: a model would go on otherwise.
    """

    def __init__(self, vocabulary: Any, schema: Mapping[str, Any], *, after: tuple[int, ...] = ()) -> None:  # noqa: ANN401
        """Compile the schema.

        Args:
            vocabulary: What `grammar_tokenizer` gave.
            schema: The JSON schema.
            after: Tokens that must come first, such as those that end the thinking; empty to begin at once.

        Raises:
            ModelError: When the schema cannot be compiled.
        """
        from llguidance import LLMatcher  # noqa: PLC0415 - heavy
        from llguidance.numpy import allocate_token_bitmask  # noqa: PLC0415 - heavy

        # Without flexible whitespace: small models would fill their answer with it.
        grammar = LLMatcher.grammar_from_json_schema(
            json.dumps(schema), overrides={"whitespace_flexible": False}
        )
        self._matcher = LLMatcher(vocabulary, grammar)
        if self._matcher.is_error():
            reason = one_line(self._matcher.get_error())
            raise ModelError("unknown", f"the JSON schema cannot be enforced ({reason}); simplify it.")
        self._end = int(vocabulary.eos_token)
        self._mask = allocate_token_bitmask(1, vocabulary.vocab_size)
        self._after = list(after)
        self._seen: int | None = None
        self._tail: list[int] = []

    @property
    def failed(self) -> bool:
        """Whether llguidance gave up in the middle, as with a schema that grows too large."""
        return bool(self._matcher.is_error())

    def __call__(self, tokens: Any, logits: Any) -> Any:  # noqa: ANN401 - MLX arrays
        """Set everything but the allowed next tokens to minus infinity."""
        new = [] if self._seen is None else tokens[self._seen :].tolist()
        self._seen = tokens.size
        if self._after:
            self._tail = (self._tail + new)[-len(self._after) :]
            if self._tail != self._after:
                return logits
            self._after, new = [], []
        if new and not self._matcher.is_stopped():
            self._matcher.consume_tokens(new)
        return self._masked(logits)

    def _masked(self, logits: Any) -> Any:  # noqa: ANN401
        import mlx.core as mx  # noqa: PLC0415 - heavy
        import numpy as np  # noqa: PLC0415 - heavy
        from llguidance.numpy import fill_next_token_bitmask  # noqa: PLC0415 - heavy

        size = logits.shape[-1]
        allowed = np.zeros(size, dtype=bool)
        if self._matcher.is_stopped():
            allowed[self._end] = True
        else:
            fill_next_token_bitmask(self._matcher, self._mask, 0)
            # Models often have more rows than their tokenizer has tokens: those stay forbidden.
            bits = np.unpackbits(self._mask.view(np.uint8)[0], bitorder="little")[:size].astype(bool)
            allowed[: bits.size] = bits
        return mx.where(mx.array(allowed)[None], logits, mx.array(-float("inf"), logits.dtype))
