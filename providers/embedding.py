"""The embedding role: texts into vectors, by a chain of models of which one answers a whole call."""

from __future__ import annotations

import asyncio
import hashlib
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from providers.backend import ModelSpec, Server, Timeouts, Wiring
from providers.backends.script import ScriptShelf
from providers.backends.services import OPENAI, SERVICES
from providers.backends.wire import wire_options
from providers.failover.errors import Target, classify
from providers.failover.retrying import Retries, check_limits
from providers.keys import given_keys
from providers.place import Prefer, check_prefer, preferred
from providers.protocol import ModelConfigError, ModelError, ModelsFailedError
from providers.registry import PROVIDERS
from providers.spec import parse_chain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic import SecretStr

    Vector = list[float]

BATCH: Final = 64
"""Texts that are sent in one request."""

OFFLINE_DIMENSIONS: Final = 256

_SPEAK_OPENAI: Final = {service.name: service for service in (OPENAI, *SERVICES)}
_WORD: Final = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Embedded:
    """Vectors for some texts.

    Attributes:
        vectors: One for each text, in their order, all of one length.
        model: The model string of what made all of them; vectors of two models cannot be compared.
    """

    vectors: list[Vector]
    model: str

    @property
    def dimensions(self) -> int:
        """The length of each vector; 0 when there is none."""
        return len(self.vectors[0]) if self.vectors else 0


class Embedder(Protocol):
    """Turns texts into vectors."""

    async def embed(self, texts: Sequence[str]) -> Embedded:
        """Give one vector for each text.

        Raises:
            ModelsFailedError: When every model failed.
        """
        ...


class EmbeddingModels:
    """A chain of embedding models; implements `Embedder`, for any number of event loops."""

    def __init__(  # noqa: PLR0913 - each may be chosen apart
        self,
        chain: str = "offline",
        *,
        api_keys: Mapping[str, SecretStr] | None = None,
        openai_api_key: SecretStr | None = None,
        timeouts: Timeouts = Timeouts(),  # noqa: B008 - it is frozen
        retries: Retries = Retries(),  # noqa: B008 - it is frozen
        prefer: Prefer = "chain",
    ) -> None:
        """Check the chain; nothing is asked yet.

        Args:
            chain: `offline`, `ollama:MODEL`, and whatever speaks OpenAI's API, such as `openai:MODEL`.
            api_keys: Keys by provider name; each goes before the environment's.
            openai_api_key: The same as `api_keys["openai"]`.
            timeouts: The connection's, and the total for one request.
            retries: When a model is asked again.
            prefer: Local or remote models first, or only.

        Raises:
            ModelConfigError: When a model cannot embed, or its key is missing.
        """
        check_limits(timeouts, retries)
        self._wiring = Wiring(ScriptShelf(), given_keys(api_keys or {}, openai_api_key), timeouts)
        self._retries = retries
        try:
            specs = parse_chain(chain)
            for spec in specs:
                self._check(spec)
            self.specs = preferred(specs, check_prefer(prefer), self._server)
        except ModelConfigError as error:
            raise ModelConfigError(f"The embedding model: {error}") from None
        self._dimensions: dict[ModelSpec, int] = {}

    async def embed(self, texts: Sequence[str]) -> Embedded:
        """Give one vector for each text; all of them come from one model.

        Raises:
            ModelsFailedError: When every model failed; the message has a reason for each.
        """
        reasons = []
        for place, spec in enumerate(self.specs):
            try:
                vectors = await self._ask(spec, list(texts), has_backup=place + 1 < len(self.specs))
            except ModelError as failure:
                reasons.append(f"{spec}: {failure}")
            else:
                return Embedded(vectors, str(spec))
        raise ModelsFailedError(f"No model answered for the embedding role: {' | '.join(reasons)}", [])

    async def _ask(self, spec: ModelSpec, texts: list[str], *, has_backup: bool) -> list[Vector]:
        if spec.provider == "offline":
            return await asyncio.to_thread(lambda: [hashed(text) for text in texts])
        found: list[Vector] = []
        for start in range(0, len(texts), BATCH):
            batch = texts[start : start + BATCH]
            found += self._checked(spec, batch, await self._batch(spec, batch, has_backup=has_backup))
        return found

    async def _batch(self, spec: ModelSpec, texts: list[str], *, has_backup: bool) -> object:
        """Send one request, again as often as the rule allows."""
        tried = 0
        while True:
            tried += 1
            try:
                return await self._send(spec, texts)
            except Exception as error:  # noqa: BLE001 - whatever the network raises, it is classified
                failure = classify(error, self._target(spec))
            wait = self._retries.wait_s(failure, tried=tried, shown=False, has_backup=has_backup)
            if wait is None:
                raise failure
            await asyncio.sleep(wait)

    async def _send(self, spec: ModelSpec, texts: list[str]) -> object:
        import httpx  # noqa: PLC0415 - heavy

        server, timeouts = self._server(spec), self._wiring.timeouts
        headers = {"Connection": "close"}
        if server.key is not None:
            headers["Authorization"] = f"Bearer {server.key.get_secret_value()}"
        path = "/api/embed" if spec.provider == "ollama" else "/embeddings"
        waits = httpx.Timeout(timeouts.total_s, connect=min(timeouts.connect_s, timeouts.total_s))
        client = httpx.AsyncClient(timeout=waits, headers=headers, **wire_options(server.url, "json"))
        async with asyncio.timeout(timeouts.total_s), client:
            body = {"model": spec.model, "input": texts}
            answer = await client.post((server.url or "").rstrip("/") + path, json=body)
            return answer.raise_for_status().json()

    def _checked(self, spec: ModelSpec, texts: list[str], answer: object) -> list[Vector]:
        """Read the vectors.

        Raises:
            ModelError: `malformed` when they are not one for each text, of the length that they always had.
        """
        try:
            vectors = list(_vectors(spec.provider, answer))
        except (KeyError, TypeError, ValueError, AttributeError):
            vectors = []
        expected = self._dimensions.get(spec) or (len(vectors[0]) if vectors else 0)
        if len(vectors) != len(texts) or not expected:
            raise ModelError("malformed", f"it gave {len(vectors)} vectors for {len(texts)} texts.")
        if any(len(vector) != expected or not all(map(math.isfinite, vector)) for vector in vectors):
            raise ModelError("malformed", f"its vectors are not all {expected} numbers long, as before.")
        self._dimensions[spec] = expected
        return vectors

    def _server(self, spec: ModelSpec) -> Server:
        return PROVIDERS[spec.provider].server(spec, self._wiring)

    def _target(self, spec: ModelSpec) -> Target:
        server, timeouts = self._server(spec), self._wiring.timeouts
        return Target(
            spec.model,
            server.url,
            PROVIDERS[spec.provider].key_variable,
            timeouts.total_s,
            (server.key.get_secret_value(),) if server.key else (),
            min(timeouts.connect_s, timeouts.total_s),
        )

    def _check(self, spec: ModelSpec) -> None:
        if spec.provider in ("offline", "ollama"):
            return
        service = _SPEAK_OPENAI.get(spec.provider)
        if service is None:
            raise ModelConfigError(
                f"{spec} cannot embed here; use offline, ollama:MODEL, or a service that speaks OpenAI's API."
            )
        server = self._server(spec)
        if server.key is None and server.url == service.url and not service.local:
            raise ModelConfigError(f"{spec} needs a key; set {service.key_variables[0]}.")


def _vectors(provider: str, answer: Any) -> Iterator[Vector]:  # noqa: ANN401
    if provider == "ollama":
        rows = answer["embeddings"]
    else:
        rows = [row["embedding"] for row in sorted(answer["data"], key=lambda row: row.get("index", 0))]
    for row in rows:
        yield [float(number) for number in row]


def hashed(text: str) -> Vector:
    """Embed a text without any model: its words and their parts of three letters, hashed into a unit vector.

    It is lexical: texts with the same words are near each other, and meaning counts for nothing. The same
    text gives the same vector everywhere. After Weinberger et al., "Feature Hashing", 2009.
    """
    vector = [0.0] * OFFLINE_DIMENSIONS
    for word in _WORD.findall(text.lower()):
        padded = f"<{word}>"
        # A whole word says more than a part of it.
        _add(vector, word, 1.0)
        for start in range(len(padded) - 2):
            _add(vector, f"#{padded[start : start + 3]}", 0.3)
    length = math.sqrt(sum(number * number for number in vector))
    return [number / length for number in vector] if length else vector


def _add(vector: Vector, feature: str, weight: float) -> None:
    digest = hashlib.blake2b(feature.encode("utf-8", "replace"), digest_size=8).digest()
    place = int.from_bytes(digest[:4], "big") % OFFLINE_DIMENSIONS
    vector[place] += weight if digest[4] & 1 else -weight
