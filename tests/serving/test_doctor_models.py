"""What `duograph doctor` says of models is what a turn would meet: the same models, asked in the same way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.listing import ListingServer, serving
from tests.providers.servers.base import Loopback
from tests.providers.servers.openai_api import OpenAIDialect

if TYPE_CHECKING:
    from pathlib import Path

    from tests.serving.commandline import CommandLine, Done
    from tests.serving.conftest import Doctor

ELSEWHERE = "http://203.0.113.9/v1"
"""An address for documentation: nobody is there, so only a proxy can answer for it."""


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    with Loopback(OpenAIDialect()).running() as server:
        yield server


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[ListingServer]:
    """Sees every request that leaves the machine."""
    with serving() as server:
        monkeypatch.setenv("HTTP_PROXY", server.url.removesuffix("/v1"))
        monkeypatch.setenv("OPENAI_API_KEY", "none")
        yield server


def checks(done: Done) -> dict[str, Any]:
    return {check["name"]: check for check in done.json["checks"]}


def asked(server: Loopback) -> list[str]:
    return [seen.body["model"] for seen in server.seen]


@pytest.mark.parametrize(
    ("play", "reason"),
    [
        ("500", "cannot serve now"),
        pytest.param("529", "cannot serve", marks=pytest.mark.slow),
        pytest.param("429", "limits the rate", marks=pytest.mark.slow),
    ],
)
def test_live_a_model_that_only_fails_is_not_called_well(
    doctor: Doctor, api: Loopback, play: str, reason: str
) -> None:
    api.plays.extend([play] * 20)
    chain = f"openai:broken@{api.url}/v1"
    done = doctor("--live", "--json", env={"DUOGRAPH_REASONING_MODEL": chain})
    found = checks(done)["reasoning"]
    assert (done.code, found["status"]) == (7, "fail")
    assert "did not answer" in found["detail"]
    assert found["advice"].startswith(f"{chain}: 127.0.0.1")
    assert reason in found["advice"]


def test_live_a_broken_backup_is_told(doctor: Doctor, api: Loopback) -> None:
    # The primary's listing says nothing of it, so only asking both shows which one is broken.
    api.plays.extend(["401"])
    chain = f"offline, openai:broken@{api.url}/v1"
    found = checks(doctor("--live", "--json", env={"DUOGRAPH_REASONING_MODEL": chain}))["reasoning"]
    assert found["status"] == "warn"
    assert "refused the key" in found["advice"]


def test_live_each_model_of_the_solo_chain_is_asked_itself(doctor: Doctor, api: Loopback) -> None:
    chain = f"openai:one@{api.url}/v1, openai:two@{api.url}/v1"
    found = checks(doctor("--live", "--json", env={"DUOGRAPH_SOLO_MODEL": chain}))
    assert sorted(asked(api)[:2]) == ["one", "two"]  # side by side
    assert found["reasoning"]["detail"].count("answered in") == 2
    assert "offline: runs in this process; answered in" in found["background"]["detail"]


def test_a_wrong_solo_chain_is_mended_where_it_stands(doctor: Doctor) -> None:
    found = checks(doctor("--json", env={"DUOGRAPH_SOLO_MODEL": "opnai:m"}))
    assert found["reasoning"]["advice"] == found["coding"]["advice"] == "Mend DUOGRAPH_SOLO_MODEL."


def test_live_a_model_is_asked_with_the_parameters_of_each_role(doctor: Doctor, api: Loopback) -> None:
    environment = {
        "DUOGRAPH_REASONING_MODEL": f"openai:m@{api.url}/v1",
        "DUOGRAPH_CODING_MODEL": f"openai:m@{api.url}/v1",
        "DUOGRAPH_CODING_TEMPERATURE": "0.5",
    }
    doctor("--live", "--json", env=environment)
    assert sorted(seen.body.get("temperature", 9) for seen in api.seen[:2]) == [0.5, 9]


@pytest.mark.parametrize("words", [("--json",), ("--live", "--json")])
def test_with_local_only_nobody_else_is_asked(
    doctor: Doctor, proxy: ListingServer, words: tuple[str, ...]
) -> None:
    environment = {"DUOGRAPH_PREFER": "local_only", "DUOGRAPH_EMBEDDING_MODEL": f"openai:e@{ELSEWHERE}"}
    environment |= {"DUOGRAPH_REASONING_MODEL": f"offline, openai:m@{ELSEWHERE}"}
    done = doctor(*words, env=environment)
    found = checks(done)
    assert done.code == 7
    for role in ("reasoning", "embedding"):
        assert found[role]["status"] == "fail"
        assert "prefer is local_only" in found[role]["detail"]
        assert "DUOGRAPH_PREFER" in found[role]["advice"]
    assert "This is a bug" not in done.out
    assert proxy.seen == []


def test_with_local_only_and_tracing_it_says_what_a_turn_would(doctor: Doctor) -> None:
    environment = {"DUOGRAPH_PREFER": "local_only", "LANGSMITH_TRACING": "true"}
    found = checks(doctor("--json", env=environment))["reasoning"]
    assert (found["status"], "unset LANGSMITH_TRACING" in found["detail"]) == ("fail", True)


def test_with_remote_only_what_is_here_is_not_asked_and_the_idle_role_is_well(
    doctor: Doctor, proxy: ListingServer
) -> None:
    away = f"openai:qwen3-coder@{ELSEWHERE}"
    models = {"DUOGRAPH_REASONING_MODEL": f"offline, {away}", "DUOGRAPH_CODING_MODEL": away}
    found = checks(doctor("--json", env=models | {"DUOGRAPH_PREFER": "remote_only"}))
    assert [found[role]["status"] for role in ("reasoning", "coding", "background")] == ["ok"] * 3
    assert "offline" not in found["reasoning"]["detail"]
    assert [path for path, _ in proxy.seen] == [f"{ELSEWHERE}/models"]
    found = checks(doctor("--live", "--json"))
    assert found["background"]["status"] == "ok"
    assert "wrong key" not in found["reasoning"]["detail"]


def test_with_remote_only_and_no_model_it_fails_as_a_turn_does(doctor: Doctor) -> None:
    done = doctor("--json", env={"DUOGRAPH_PREFER": "remote_only"})
    found = checks(done)
    assert done.code == 7
    assert [found[role]["status"] for role in ("reasoning", "coding", "background")] == ["fail", "fail", "ok"]


def test_an_embedding_model_that_cannot_be_is_told_by_doctor_and_before_a_turn(
    cli: CommandLine, doctor: Doctor
) -> None:
    wrong = {"DUOGRAPH_EMBEDDING_MODEL": "anthropic:x"}
    found = checks(done := doctor("--json", env=wrong))
    assert (done.code, found["embedding"]["status"], found["analysis"]["status"]) == (7, "fail", "ok")
    assert "anthropic:x cannot embed here" in found["embedding"]["detail"]
    asking = cli.run("ask", "What is a monad?", env=wrong)
    assert asking.code == 2
    assert "The embedding model: anthropic:x cannot embed here" in asking.err


def test_live_the_embedding_model_is_asked_for_a_vector(doctor: Doctor) -> None:
    found = checks(doctor("--live", "--json", env={"DUOGRAPH_EMBEDDING_MODEL": "offline"}))["embedding"]
    assert "a vector of 256 numbers" in found["detail"]
    with serving() as server:
        chain = f"openai:e@{server.url}"  # it lists models and embeds nothing
        lost = checks(doctor("--live", "--json", env={"DUOGRAPH_EMBEDDING_MODEL": chain}))["embedding"]
        assert "/v1/embeddings" in [path for path, _ in server.seen]
    assert (found["status"], lost["status"]) == ("ok", "fail")
    assert "did not answer" in lost["detail"]


def test_a_runner_whose_package_is_missing_is_told_as_such(doctor: Doctor, tmp_path: Path) -> None:
    del tmp_path
    for words in (("--json",), ("--live", "--json")):
        done = doctor(*words, env={"DUOGRAPH_REASONING_MODEL": "runner:vllm:org/model, offline"})
        found = checks(done)["reasoning"]
        assert (done.code, found["status"]) == (7, "fail")
        assert "needs vLLM" in found["advice"]
        assert "This is a bug" not in done.out
