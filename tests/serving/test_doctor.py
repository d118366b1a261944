"""`duograph doctor`: what it finds, what it advises, and that it prints no secret."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from providers import parse_spec
from providers.backends.probe import Look
from serving.doctor.chains import describe
from serving.doctor.finding import Check, Finding, worst
from tests.listing import ListingServer, serving
from tests.processes import handles_signals, wait_for
from tests.serving.commandline import Done, finish

if TYPE_CHECKING:
    from pathlib import Path

    from tests.serving.commandline import CommandLine
    from tests.serving.conftest import Doctor

CANARY = "canary-5b1c77e0-not-shaped-like-a-key"
NAMES = [
    "environment",
    "extras",
    "settings",
    "reasoning",
    "coding",
    "background",
    "embedding",
    "sandbox",
    "database",
    "memory",
    "analysis",
]


@pytest.fixture
def server() -> Iterator[ListingServer]:
    with serving() as server:
        yield server


def checks(done: Done) -> dict[str, Any]:
    return {check["name"]: check for check in done.json["checks"]}


def test_without_key_network_or_model_all_is_well(cli: CommandLine) -> None:
    done = cli.run("doctor")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert [line.split()[:2] for line in lines[: len(NAMES)]] == [["✓", name] for name in NAMES]
    assert "passed its self-test" in done.out
    assert "nothing yet" in done.out
    assert "the offline model answered a request for code, and running it in" in done.out
    assert lines[-1].startswith("next: all is well")
    assert any("connect a model with DUOGRAPH_REASONING_MODEL and" in line for line in lines)
    assert not (cli.folder / "home").exists()  # nothing was made


def test_json_has_the_shape_that_the_manual_gives(doctor: Doctor) -> None:
    done = doctor("--json")
    assert (done.code, done.err) == (0, "")
    assert set(done.json) == {"status", "live", "checks", "next"}
    assert (done.json["status"], done.json["live"]) == ("ok", False)
    assert list(checks(done)) == NAMES
    for check in done.json["checks"]:
        assert set(check) == {"name", "status", "detail", "advice", "seconds"}
        assert check["seconds"] >= 0
        assert "\n" not in check["detail"] + check["advice"]


def test_models_that_are_away_fail_and_a_backup_makes_it_a_warning(doctor: Doctor) -> None:
    away = "openai:m@http://127.0.0.1:9/v1"
    models = {"DUOGRAPH_REASONING_MODEL": f"{away}, offline", "DUOGRAPH_CODING_MODEL": away}
    done = doctor("--json", env=models)
    found = checks(done)
    assert done.code == 7
    assert [found[name]["status"] for name in ("reasoning", "coding", "background")] == ["warn", "fail", "ok"]
    assert "http://127.0.0.1:9/v1 cannot be reached" in found["coding"]["detail"]
    assert done.json["next"][0] == f"coding: {found['coding']['advice']}"
    assert "start that server" in found["coding"]["advice"]
    assert found["analysis"]["status"] == "ok"  # the offline model's
    assert doctor(env=models | {"DUOGRAPH_CODING_MODEL": "offline"}).code == 0


def test_what_is_set_up_wrongly_is_a_sentence(doctor: Doctor) -> None:
    models = {"DUOGRAPH_REASONING_MODEL": "opnai:gpt-5", "DUOGRAPH_CODING_MODEL": "openai:gpt-5, offline"}
    found = checks(done := doctor("--json", env=models))
    assert done.code == 7
    assert "did you mean openai?" in found["reasoning"]["detail"]
    assert found["coding"]["status"] == "fail"  # no turn begins with it, whatever stands behind it
    assert "needs a key; set OPENAI_API_KEY" in found["coding"]["advice"]


def test_servers_that_nobody_trusts_are_a_finding_and_no_bug(cli: CommandLine, doctor: Doctor) -> None:
    path = cli.write("mcp.json", json.dumps({"mcpServers": {"one": {"command": "true"}}}))
    found = checks(doctor("--json", env={"DUOGRAPH_MCP_SERVERS": path}))
    assert "duograph tools trust" in found["analysis"]["detail"]
    assert found["analysis"]["advice"] == "Mend that setting first."


def test_wrong_settings_are_a_finding_and_the_rest_goes_on(doctor: Doctor) -> None:
    done = doctor("--json", env={"DUOGRAPH_MAX_REPAIRS": "many"})
    assert done.code == 7
    assert list(checks(done)) == ["environment", "extras", "settings", "sandbox"]
    assert "is 'many', which is wrong" in checks(done)["settings"]["detail"]


def test_a_minilm_folder_that_is_none_is_a_finding(doctor: Doctor, tmp_path: Path) -> None:
    done = doctor("--json", env={"DUOGRAPH_ROUTING_MINILM": str(tmp_path)})
    assert done.code == 7
    assert "config.json is missing" in checks(done)["settings"]["detail"]


def test_a_listing_server_tells_models_apart(doctor: Doctor, server: ListingServer) -> None:
    models = {
        "DUOGRAPH_REASONING_MODEL": f"openai:qwen3-coder@{server.url}",
        "DUOGRAPH_CODING_MODEL": f"openai:qwen3-codr@{server.url}",
    }
    done = doctor("--json", env=models | {"OPENAI_API_KEY": CANARY})
    found = checks(done)
    assert done.code == 0
    assert f"there, at {server.url}, with a key" in found["reasoning"]["detail"]
    assert found["coding"]["status"] == "warn"
    assert "did you mean qwen3-coder?" in found["coding"]["advice"]
    assert [path for path, _ in server.seen] == ["/v1/models"] * 2


def test_bedrocks_credentials_are_looked_for_and_never_shown(doctor: Doctor, server: ListingServer) -> None:
    model = {
        "DUOGRAPH_CODING_MODEL": f"bedrock:m@{server.url}",
        "DUOGRAPH_REASONING_MODEL": "bedrock:m",
        "AWS_REGION": "eu-west-1",
    }
    found = checks(done := doctor("--json", env=model))
    assert (done.code, found["coding"]["status"]) == (7, "fail")
    assert "answers, without credentials" in found["coding"]["detail"]
    assert "no AWS credentials were found; set AWS_ACCESS_KEY_ID" in found["coding"]["advice"]
    assert "https://bedrock-runtime.eu-west-1.amazonaws.com (from AWS_REGION)" in found["reasoning"]["detail"]
    keys = {"AWS_ACCESS_KEY_ID": CANARY, "AWS_SECRET_ACCESS_KEY": CANARY}
    until = {"AWS_CREDENTIAL_EXPIRATION": "2199-01-01T00:00:00Z"}
    found = checks(done := doctor("--json", env=model | keys | until))
    assert found["coding"]["status"] == "ok"
    wanted = "with credentials from the environment (AWS_ACCESS_KEY_ID) until 2199-01-01 00:00 UTC"
    assert wanted in found["coding"]["detail"]
    until = {"AWS_CREDENTIAL_EXPIRATION": "2020-01-01T00:00:00Z"}
    expired = doctor("--json", env=model | keys | until)
    assert "the credentials expired at 2020-01-01 00:00 UTC" in checks(expired)["coding"]["advice"]
    assert CANARY not in done.out + done.err + expired.out + expired.err


@pytest.mark.parametrize("words", [("--live",), ("--live", "--json")])
def test_no_secret_is_printed(doctor: Doctor, server: ListingServer, words: tuple[str, ...]) -> None:
    server.echoes = True
    where = server.url.removeprefix("http://")
    environment = {
        "DUOGRAPH_REASONING_MODEL": f"openai:qwen3-code@{server.url}",
        "DUOGRAPH_CODING_MODEL": "openai:m",
        "OPENAI_API_KEY": CANARY,
        "OPENAI_BASE_URL": f"http://user:{CANARY}@{where}?key={CANARY}",
        "DUOGRAPH_DEBUG": "1",
    }
    done = doctor(*words, env=environment)
    assert done.code == 7
    assert any(CANARY in key for _, key in server.seen)  # it was sent, and came back
    assert CANARY not in done.out + done.err


def test_live_asks_each_model_once_and_plays_a_whole_turn(cli: CommandLine, doctor: Doctor) -> None:
    plan = "1. Compare.\n\n```python acceptance\nassert is_prime(7) and not is_prime(8)\n```"
    code = "def is_prime(n):\n    return n > 1 and all(n % k for k in range(2, n))\n"
    reasoning: list[dict[str, Any]] = [{"content": plan}, {"content": "VERDICT: PASS", "repeat": True}]
    coding: list[dict[str, Any]] = [
        {"content": f"```python solution.py\n{code}```", "usage": {"input_tokens": 40, "output_tokens": 20}}
    ]
    done = doctor("--live", "--json", env=cli.models(reasoning, coding))
    found = checks(done)
    assert done.json["live"] is True
    assert "40 tokens in, 20 out" in found["coding"]["detail"]
    assert "runs in this process; answered in" in found["reasoning"]["detail"]
    assert (found["analysis"]["status"], done.code) == ("ok", 0)
    assert found["analysis"]["detail"].startswith("your models answered a request for code")


def test_live_a_model_that_does_not_answer_fails(cli: CommandLine, doctor: Doctor) -> None:
    models = cli.models([{"error": "overloaded", "repeat": True}], [{"error": "auth", "repeat": True}])
    found = checks(done := doctor("--live", "--json", env=models))
    assert done.code == 7
    assert {found[name]["status"] for name in ("reasoning", "coding", "analysis")} == {"fail"}
    assert "did not answer" in found["reasoning"]["detail"]


def test_an_open_sandbox_and_a_strange_database_are_told(cli: CommandLine, doctor: Doctor) -> None:
    text = cli.write("text.py", "no database\n" * 200)
    done = doctor("--json", env={"DUOGRAPH_SANDBOX": "none", "DUOGRAPH_DATABASE": text})
    found = checks(done)
    assert done.code == 7
    assert found["sandbox"]["status"] == "warn"
    assert "not an SQLite database" in found["database"]["detail"]
    assert found["database"]["status"] == "fail"


def test_without_a_sandbox_nothing_is_verified_and_both_checks_say_so(doctor: Doctor) -> None:
    done = doctor("--json", env={"DUOGRAPH_SANDBOX": "docker", "PATH": "/nowhere"})
    found = checks(done)
    assert done.code == 7
    assert (found["sandbox"]["status"], found["analysis"]["status"]) == ("fail", "fail")
    assert "Mend the sandbox above first" in found["analysis"]["advice"]


def test_ctrl_c_ends_it_without_a_traceback(cli: CommandLine, server: ListingServer) -> None:
    server.hangs = True
    process = cli.start("doctor", env={"DUOGRAPH_REASONING_MODEL": f"openai:m@{server.url}"})
    wait_for(lambda: bool(server.seen), "the look at the server")
    assert handles_signals(process.pid)
    os.kill(process.pid, signal.SIGINT)
    done = finish(process)
    assert done.code == 130
    assert done.err == "duograph: interrupted\n"


def test_a_reader_that_leaves_early_does_no_harm(cli: CommandLine) -> None:
    process = cli.start("doctor")
    assert process.stdout is not None
    assert process.stdout.readline()
    process.stdout.close()
    process.stdout = None
    done = finish(process)
    assert (done.code, done.err) == (141, "")


async def test_a_check_that_hangs_or_breaks_is_a_finding() -> None:
    async def hang() -> Finding:
        await asyncio.Event().wait()
        raise AssertionError

    async def broken() -> Finding:
        raise ZeroDivisionError(CANARY)

    late = await Check("slow", hang, 0.01).run()
    assert (late.status, late.detail) == ("fail", "did not end within 0.01 s")
    bug = await Check("bad", broken, 1.0).run()
    assert (bug.status, bug.detail) == ("fail", "unexpected ZeroDivisionError")
    assert CANARY not in repr(bug)


def test_the_gravest_finding_decides() -> None:
    ok, warn, fail = (Finding("x", status, "") for status in ("ok", "warn", "fail"))
    assert worst([ok, ok]) == "ok"
    assert worst([ok, warn]) == "warn"
    assert worst([fail, warn]) == "fail"


@pytest.mark.parametrize(
    ("sight", "status", "words"),
    [
        ("refused", "fail", "check OPENAI_API_KEY"),
        ("unreachable", "fail", "start that server"),
        ("unlisted", "warn", "check its name"),
        ("reached", "ok", ""),
        ("listed", "ok", ""),
    ],
)
def test_each_sight_is_one_status_and_one_advice(sight: Any, status: str, words: str) -> None:  # noqa: ANN401  # a literal
    seen = describe(Look(parse_spec("openai:m@http://127.0.0.1:9/v1"), sight, url="http://127.0.0.1:9/v1"))
    assert (seen.status, words in seen.advice, bool(seen.advice)) == (status, True, bool(words))
