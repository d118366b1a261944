"""One graph for several users: nobody recalls, forgets or is answered from what another one told."""

import asyncio
from pathlib import Path

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig

from checkpoints import SessionSaver
from graph.agent import Agent
from graph.agent_sessions import LearnedFrom, delete_session
from graph.settings import Settings
from graph.state import Input
from memory import MemoryStoreError
from memory.queue import FinishedTurn
from memory.queue.sql import SqlJobs
from memory.records import Selection
from nodes import Context
from nodes.context import AUTH_USER

TOLD = "remember that my locker is number 4711"
ASKED = "what is my locker?"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", user_settings=False, enrichment="off")


def of(user: str | None) -> Context | None:
    return Context(user_id=user) if user else None


@pytest.mark.parametrize(("teller", "stranger"), [("anna", "bob"), ("anna", None), (None, "anna")])
def test_only_who_told_something_is_answered_from_it(
    settings: Settings, teller: str | None, stranger: str | None
) -> None:
    with Agent(settings) as agent:
        agent.ask(TOLD, context=of(teller))
        assert "4711" not in agent.ask(ASKED, context=of(stranger)).answer
        agent.ask("forget my locker", context=of(stranger))
        assert "4711" in agent.ask(ASKED, context=of(teller)).answer


def test_a_turn_recalls_what_its_own_user_told(settings: Settings) -> None:
    with Agent(settings) as agent:
        agent.ask(TOLD, context=of("anna"))
        assert not agent.ask("Explain how my locker opens.", context=of("bob")).recalled
        assert agent.ask("Explain how my locker opens.", context=of("anna")).recalled


def test_a_log_in_outranks_the_name_that_a_client_gives(settings: Settings) -> None:
    def config(user: str, thread: str) -> RunnableConfig:
        return {"configurable": {"thread_id": thread, AUTH_USER: user}}

    async def asked(agent: Agent, text: str, config: RunnableConfig) -> str:
        given = Input(messages=[HumanMessage(text)])
        found = await agent.graph.ainvoke(given, config, context=Context(user_id="anna"))
        return str(found["result"].answer)

    async def turns() -> None:
        async with Agent(settings) as agent:
            await asked(agent, TOLD, config("anna", "1"))
            assert "4711" not in await asked(agent, ASKED, config("mallory", "2"))
            assert "4711" in await asked(agent, ASKED, config("anna", "3"))

    asyncio.run(turns())


def test_what_is_learned_goes_to_the_user_of_the_turn(settings: Settings) -> None:
    with Agent(settings.model_copy(update={"enrichment": "worker"})) as agent:
        agent.ask("Write a Python function that reverses a string.", context=of("anna"))

    async def namespaces() -> list[str]:
        jobs = SqlJobs(settings.database_path)
        try:
            return [job.namespace for job in await jobs.list()]
        finally:
            await jobs.aclose()

    assert asyncio.run(namespaces()) == ["anna"]


def test_a_program_sees_the_memory_of_each_of_its_users(settings: Settings) -> None:
    with Agent(settings) as agent:
        anna, bob = agent.memory.of("anna"), agent.memory.of("bob")
        assert (agent.memory.user, anna.user) == ("default", "anna")
        kept = anna.remember("my locker is number 4711")
        assert [hit.item.id for hit in anna.search("locker")] == [kept]
        assert "4711" in agent.ask(ASKED, context=of("anna")).answer
        for other in (agent.memory, bob, anna.of("bob")):
            assert not other.list()
            assert not other.search("locker")
            assert other.forget(Selection(kinds=("fact",))) == 0

        async def told_again() -> list[str]:
            await bob.aremember("my locker is number 1174")
            return [item.record.text for item in await agent.memory.of("bob").alist()]

        assert asyncio.run(told_again()) == ["my locker is number 1174"]
        assert anna.forget(Selection(ids=(kept,))) == 1
        for name in ("", " anna", "a" * 300):
            with pytest.raises(ValueError, match="cannot be"):
                agent.memory.of(name)


def test_a_session_goes_with_what_it_taught_or_without(settings: Settings) -> None:
    with Agent(settings) as agent:
        for thread, user in (("one", None), ("two", None), ("three", "anna")):
            agent.ask(TOLD, thread_id=thread, context=of(user))
        agent.ask("remember that my cat is Tom", thread_id="two")
        assert agent.sessions.delete("one").remembered == 1
        assert agent.sessions.delete("three", with_memory=True).forgotten == 0
        assert agent.sessions.delete("three", with_memory=True, user="anna").forgotten == 1
        done = asyncio.run(agent.sessions.adelete("two", with_memory=True))
        assert (done.forgotten, done.remembered, done.problem) == (2, 0, "")
        assert not agent.sessions.list()
        assert not agent.memory.list()
        assert not agent.memory.of("anna").list()


def test_a_deleted_session_is_not_learned_from_later(settings: Settings) -> None:
    jobs = SqlJobs(settings.database_path)
    with Agent(settings) as agent:
        agent.ask("hello", thread_id="one")
        for session in ("one", "two"):
            payload = FinishedTurn(session=session, turn="t", request="a", answer="b").payload()
            asyncio.run(jobs.enqueue("enrich", "default", session, payload))
        learned = LearnedFrom(None, jobs, "default")
        saver = agent.graph.checkpointer
        assert isinstance(saver, SessionSaver)
        asyncio.run(delete_session(saver, "one", learned, with_memory=True))
        [left] = asyncio.run(jobs.list())
        assert left.payload["session"] == "two"
    asyncio.run(jobs.aclose())


def test_a_session_is_deleted_though_memory_does_not_answer(settings: Settings) -> None:
    pytest.importorskip("neo4j", reason="the extra `neo4j` is not installed")
    away = settings.model_copy(update={"neo4j_uri": "bolt://127.0.0.1:9"})
    with Agent(away) as agent:
        agent.ask("hello", thread_id="one", context=Context(memory=False))
        with pytest.raises(MemoryStoreError, match="cannot be reached"):
            agent.sessions.delete("one", with_memory=True)
        assert [one.thread_id for one in agent.sessions.list()] == ["one"]
        done = agent.sessions.delete("one")
        assert (done.remembered, "cannot be reached" in done.problem) == (None, True)
        assert not agent.sessions.list()
