"""What the tests of embedding share: a server of vectors on loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from providers import Retries
from providers.embedders.embedder import Limits
from tests.providers.servers.embeddings import FakeEmbeddings, serve_embeddings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from providers.embedding import EmbeddingModels
    from providers.ledger import Usage

AT_ONCE = Retries(random=lambda: 0.0)
BATCH = Limits().texts
TITAN_1 = "bedrock:amazon.titan-embed-text-v1@us-east-1"
TITAN_2 = "bedrock:amazon.titan-embed-text-v2:0@us-east-1"


def used(models: EmbeddingModels) -> Usage:
    return models.stats().roles["embedding"]


@pytest.fixture
def server() -> Iterator[FakeEmbeddings]:
    with serve_embeddings() as server:
        yield server
