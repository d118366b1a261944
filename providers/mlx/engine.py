"""One model, one thread: MLX wants loading, generating, caching and unloading on the same one."""

from __future__ import annotations

import gc
import queue
import sys
import threading
import weakref
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from providers.mlx.generation import CancelledGeneration, MlxModel, generate, load
from providers.protocol import ModelError
from providers.scrub import one_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from providers.mlx.files import ModelFiles
    from providers.runners.protocol import End, LoadedModel, Piece, Request

    Emit = Callable[[Piece | End | LoadedModel | ModelError], None]

_EXIT_PATIENCE_S = 10.0
"""How long the end of the process waits for an engine; it stops at its next token."""


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do for whoever waits.

    Attributes:
        emit: Takes what comes, on the engine's thread; an `End`, a `LoadedModel` or an error is the last.
        request: What to answer, or None only to load the model.
        cancelled: Set when nobody waits any more.
    """

    emit: Emit
    request: Request | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)


class Engine:
    """Runs jobs first come, first served; a job that was cancelled gives up its place.

    It ends with `close`, when nobody holds it any more, or with the process.
    """

    def __init__(self, files: ModelFiles, prompt_cache_bytes: int) -> None:
        """Start the thread; the model is loaded with the first job.

        Args:
            files: The model.
            prompt_cache_bytes: What the prompts that it has read may take.
        """
        self.files = files
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._told: list[LoadedModel] = []
        self._thread = threading.Thread(
            target=_own,
            args=(partial(_load, files, prompt_cache_bytes, self._told), self._jobs, self._closing),
            name=f"mlx-{files.folder.name}",
            daemon=True,
        )
        self._thread.start()
        # The thread holds no reference to us: this runs when we are forgotten, and before Python ends.
        self._finish = weakref.finalize(self, _stop, self._jobs, self._closing, self._thread)

    def submit(self, job: Job) -> None:
        """Put a job at the end of the line."""
        self._jobs.put(job)
        if self._closing.is_set():
            # It may have come too late for the thread; an answer too many is ignored.
            job.emit(_unloaded())

    def close(self) -> None:
        """Stop what runs, refuse what waits, unload the model and wait for that; safe to call again."""
        self._finish()

    @property
    def facts(self) -> LoadedModel | None:
        """What is known of the model, once it is loaded; who asks need not wait in the line."""
        return self._told[0] if self._told else None

    @property
    def alive(self) -> bool:
        """Whether the thread still runs."""
        return self._thread.is_alive()


def _stop(jobs: queue.SimpleQueue[Job | None], closing: threading.Event, thread: threading.Thread) -> None:
    closing.set()
    jobs.put(None)
    if thread is not threading.current_thread():
        thread.join(_EXIT_PATIENCE_S)


def _load(files: ModelFiles, prompt_cache_bytes: int, told: list[LoadedModel]) -> MlxModel:
    model = load(files, prompt_cache_bytes)
    told.append(model.facts)
    return model


def _own(
    loading: Callable[[], MlxModel], jobs: queue.SimpleQueue[Job | None], closing: threading.Event
) -> None:
    """The life of the thread: everything that touches MLX happens below this frame."""
    model: MlxModel | None = None
    while (job := jobs.get()) is not None and not closing.is_set():
        model = _do(job, model, loading, closing)
        del job
    _refuse(jobs, job)
    del model
    _let_go()


def _do(
    job: Job, model: MlxModel | None, loading: Callable[[], MlxModel], closing: threading.Event
) -> MlxModel | None:
    """Do one job, whatever happens in it, and return the model if it is loaded."""

    def stopped() -> bool:
        return job.cancelled.is_set() or closing.is_set()

    if stopped():
        job.emit(_unloaded())
        return model
    try:
        model = model or loading()
        if job.request is None:
            job.emit(model.facts)
        else:
            generate(model, job.request, job.emit, stopped)
    except CancelledGeneration:
        job.emit(_unloaded())
    except ModelError as error:
        # Without its frames, which hold arrays that only this thread may let go.
        job.emit(ModelError(error.kind, str(error)))
    except Exception as error:  # noqa: BLE001 - the thread must live on for the jobs behind
        job.emit(ModelError("unknown", one_line(f"{type(error).__name__}: {error}")))
    return model


def _refuse(jobs: queue.SimpleQueue[Job | None], job: Job | None) -> None:
    while True:
        if job is not None:
            job.emit(_unloaded())
        try:
            job = jobs.get_nowait()
        except queue.Empty:
            return


def _unloaded() -> ModelError:
    return ModelError("cancelled", "the model was unloaded, or the call cancelled; ask again.")


def _let_go() -> None:
    """Give the memory back; without the last line half of the processes abort when they end."""
    if "mlx.core" not in sys.modules:
        return
    import mlx.core as mx  # noqa: PLC0415 - it is loaded, or there is nothing to let go

    gc.collect()
    mx.synchronize()
    mx.clear_cache()
    mx.clear_streams()
