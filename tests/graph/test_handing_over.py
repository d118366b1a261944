"""The finished turn goes to the queue once, whatever is cut off, and never at the answer's cost."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver

from graph.build import build_graph
from graph.compiled import DuoGraph
from graph.saver import open_saver
from graph.services import LazyVerifier, Services
from graph.settings import Settings
from graph.state import Input
from memory import MemoryStoreError
from memory.queue.protocol import Job
from memory.queue.sql import SqlJobs
from memory.queue.turns import FinishedTurn
from nodes import Context, Result, Status
from providers import RoleModels
from tests.support import ASK, GOOD, PLAN, Lines

CONFIG: Any = {"configurable": {"thread_id": "t"}}
PASS = {"content": "VERDICT: PASS"}


class Cut(BaseException):
    """The process ends here."""


class Fragile:
    """A real queue that fails, is slow or ends the process before or after a job is added."""

    def __init__(self, jobs: SqlJobs, ways: list[str]) -> None:
        self.jobs = jobs
        self.ways = ways
        self.gate, self.ended = asyncio.Event(), asyncio.Event()

    async def enqueue(self, kind: Any, namespace: str, key: str, payload: Mapping[str, Any]) -> bool:  # noqa: ANN401
        way = self.ways.pop(0) if self.ways else ""
        if way.startswith("slow"):
            await self.gate.wait()
            way = way.removeprefix("slow ")
        if way == "fail":
            raise MemoryStoreError("The disk is full: make room.")
        if way == "bug":
            raise KeyError("payload")
        if way == "cut before":
            raise Cut
        is_new = await self.jobs.enqueue(kind, namespace, key, payload)
        if way == "slow":
            self.ended.set()
        if way == "cut after":
            raise Cut
        return is_new


@pytest.fixture
async def jobs(tmp_path: Path) -> Any:  # noqa: ANN401  # an async generator of SqlJobs
    queue = SqlJobs(tmp_path / "jobs.sqlite")
    yield queue
    await queue.aclose()


@pytest.fixture
def graph_with(script: Callable[[str, Lines], str]) -> Callable[..., DuoGraph]:
    def make(jobs: Any, saver: Any = None, **chosen: Any) -> DuoGraph:  # noqa: ANN401
        answers = [{"content": f"answer {n}"} for n in range(9)]
        reasoning = script("r", chosen.pop("reasoning", answers))
        models = RoleModels({"reasoning": reasoning, "coding": script("c", [{"content": GOOD}])})
        settings = Settings(**chosen)
        services = Services(models, LazyVerifier(settings), None, jobs)
        return build_graph(settings, services=services, checkpointer=saver or InMemorySaver())

    return make


async def ask(graph: DuoGraph, text: str = "hello there", **context: Any) -> Result:  # noqa: ANN401
    given: Input = {"messages": [HumanMessage(text)]}
    values = await graph.ainvoke(given, CONFIG, context=Context.model_validate(context), durability="sync")
    result: Result = values["result"]
    return result


async def turns(jobs: SqlJobs) -> list[FinishedTurn]:
    found: list[Job] = sorted(await jobs.list(limit=1000), key=lambda job: job.created_at)
    return [FinishedTurn.model_validate(job.payload) for job in found]


async def test_a_turn_is_handed_over_with_the_one_before(
    jobs: SqlJobs, graph_with: Callable[..., DuoGraph]
) -> None:
    graph = graph_with(jobs, user="ana", reasoning=[{"content": "hi"}, {"content": PLAN}, PASS])
    await ask(graph)
    result = await ask(graph, ASK)
    first, second = await turns(jobs)
    assert (first.request, first.answer, first.proof) == ("hello there", "hi", "none")
    assert (second.request_before, second.answer_before) == ("hello there", "hi")
    assert (second.task, second.proof, second.files) == ("code_generation", "verified", ("solution.py",))
    assert second.session == "t"
    assert result.bounds is not None
    assert {job.namespace for job in await jobs.list()} == {"ana"}
    keys = {job.key for job in await jobs.list()}
    assert keys == {first.key, second.key}


async def test_a_node_that_runs_again_makes_no_second_job(
    jobs: SqlJobs, graph_with: Callable[..., DuoGraph]
) -> None:
    graph = graph_with(jobs)
    await ask(graph)
    history = [state async for state in graph.aget_state_history(CONFIG)]
    before = next(state for state in history if state.next == ("enrich",))
    for _ in range(3):
        await graph.ainvoke(None, before.config)
    assert len(await turns(jobs)) == 1


@pytest.mark.parametrize("way", ["cut before", "cut after"])
@pytest.mark.parametrize("goes_on", ["resume", "next turn"])
async def test_a_turn_that_was_cut_off_here_is_handed_over_once(
    jobs: SqlJobs, graph_with: Callable[..., DuoGraph], tmp_path: Path, way: str, goes_on: str
) -> None:
    with open_saver(tmp_path / "sessions.sqlite") as saver:
        graph = graph_with(Fragile(jobs, [way]), saver)
        with pytest.raises(Cut):
            await ask(graph)
        if goes_on == "resume":
            await graph.ainvoke(None, CONFIG)
        else:
            await ask(graph, "and now?")
            await ask(graph, "and then?")
        requests = [turn.request for turn in await turns(jobs)]
    assert requests == ["hello there"] + (["and now?", "and then?"] if goes_on == "next turn" else [])


@pytest.mark.parametrize(
    ("way", "words"),
    [("fail", "The disk is full"), ("bug", "payload")],
)
async def test_a_queue_that_fails_costs_a_note_and_the_next_turn_tries_again(
    jobs: SqlJobs, graph_with: Callable[..., DuoGraph], way: str, words: str
) -> None:
    graph = graph_with(Fragile(jobs, [way]))
    result = await ask(graph)
    assert (result.status, result.answer) == (Status.DONE, "answer 0")
    [note] = result.notes
    assert words in note
    assert (await ask(graph, "and now?")).notes == []
    assert [turn.request for turn in await turns(jobs)] == ["hello there", "and now?"]


@pytest.mark.parametrize("goes_on", ["alone", "next turn"])
async def test_a_queue_that_is_slow_gets_the_turn_behind_the_answer(
    jobs: SqlJobs, graph_with: Callable[..., DuoGraph], monkeypatch: pytest.MonkeyPatch, goes_on: str
) -> None:
    monkeypatch.setattr("nodes.enrich.ENQUEUE_S", 0.0)
    queue = Fragile(jobs, ["slow"])
    graph = graph_with(queue)
    assert (await ask(graph)).notes == []
    assert await turns(jobs) == []
    monkeypatch.undo()
    if goes_on == "next turn":  # which hands both over, and finds one of them there
        await ask(graph, "and now?")
    queue.gate.set()
    await queue.ended.wait()
    expected = ["hello there"] + (["and now?"] if goes_on == "next turn" else [])
    assert [turn.request for turn in await turns(jobs)] == expected


async def test_what_a_slow_queue_refuses_in_the_end_is_logged_and_tried_again(
    jobs: SqlJobs,
    graph_with: Callable[..., DuoGraph],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("nodes.enrich.ENQUEUE_S", 0.0)
    queue = Fragile(jobs, ["slow fail"])
    graph = graph_with(queue)
    assert (await ask(graph)).notes == []
    queue.gate.set()
    monkeypatch.undo()
    await ask(graph, "and now?")
    assert "The disk is full" in caplog.text
    assert [turn.request for turn in await turns(jobs)] == ["hello there", "and now?"]


@pytest.mark.parametrize(
    ("text", "chosen", "context"),
    [
        ("hello there", {"enrichment": "off"}, {}),
        ("hello there", {}, {"memory": False}),
        ("", {}, {}),
        ("remember that my birthday is July 25", {}, {}),
        ("hello there", {"reasoning": [{"error": "auth", "repeat": True}]}, {}),
        ("How deep is the sea?", {}, {"reasoning_model": "offline"}),  # which declines
    ],
)
async def test_some_turns_teach_nothing(
    jobs: SqlJobs,
    graph_with: Callable[..., DuoGraph],
    text: str,
    chosen: dict[str, Any],
    context: dict[str, Any],
) -> None:
    graph = graph_with(jobs, **chosen)
    await ask(graph, text, **context)
    await ask(graph, "")  # nor does the turn after it find anything left behind
    assert await turns(jobs) == []


async def test_what_was_told_does_not_go_along_with_the_next_turn(
    jobs: SqlJobs, graph_with: Callable[..., DuoGraph]
) -> None:
    graph = graph_with(jobs)
    await ask(graph, "remember that my birthday is July 25")
    await ask(graph)
    [turn] = await turns(jobs)
    assert "July" not in turn.model_dump_json()


async def test_learning_that_was_off_begins_with_the_next_turn(
    jobs: SqlJobs, graph_with: Callable[..., DuoGraph]
) -> None:
    saver = InMemorySaver()
    await ask(graph_with(None, saver), "before")
    await ask(graph_with(jobs, saver, enrichment="off"), "still off")
    await ask(graph_with(jobs, saver), "on")
    assert [turn.request for turn in await turns(jobs)] == ["on"]
