"""Tiny models that are made, or trained, on the spot, and a hub on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from tests.loopback import running
from tests.providers.mlx.fake_hub import FakeHub
from tests.providers.mlx.tiny import make_tiny_model, train_tiny_model
from tests.support import shared_folder


def _once(factory: pytest.TempPathFactory, name: str) -> tuple[Path, FileLock]:
    """A folder that all workers of one run share."""
    shared = shared_folder(factory)
    return shared / name, FileLock(shared / f"{name}.lock")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of random weights: real inference, and nobody knows what it says."""
    folder, lock = _once(tmp_path_factory, "tiny-random")
    with lock:
        if not (folder / "done").exists():
            make_tiny_model(folder)
            (folder / "done").touch()
    return folder


@pytest.fixture(scope="session")
def trained_model(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """The same, trained until it knows a few conversations by heart."""
    folder, lock = _once(tmp_path_factory, "tiny-trained")
    with lock:
        if not (folder / "done").exists():
            train_tiny_model(tiny_model, folder)
            (folder / "done").touch()
    return folder


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    server = FakeHub()
    with running(server, server.slow):
        yield server


@pytest.fixture
def fake_files() -> dict[str, bytes]:
    """What a model on the hub consists of; nothing loads it."""
    return {
        "config.json": json.dumps({"model_type": "qwen3", "max_position_embeddings": 4096}).encode(),
        "model.safetensors": bytes(range(256)) * 4000,
        "tokenizer.json": b"{}",
        "README.md": b"# not wanted",
        "modeling_evil.py": b"raise SystemExit",
    }
