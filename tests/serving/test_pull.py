"""`duograph pull` as a process, against a hub on loopback."""

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from providers.mlx.files import find_model
from tests.processes import wait_for
from tests.providers.mlx.conftest import hub as _hub
from tests.providers.mlx.fake_hub import FakeHub, Repository
from tests.serving.commandline import CommandLine, finish

MODEL = "some-org/tiny-4bit"
TOKEN = "hf_canary0123456789"  # noqa: S105 - a canary
FILES = {"config.json": b'{"model_type": "qwen3"}', "model.safetensors": bytes(range(256)) * 90_000}

hub = _hub


@pytest.fixture
def env(hub: FakeHub, tmp_path: Path) -> Iterator[dict[str, str]]:
    hub.models[MODEL] = Repository(dict(FILES))
    yield {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf"), "HF_TOKEN": TOKEN}
    assert hub.tokens <= {f"Bearer {TOKEN}"}


def test_in_a_pipe_one_line_says_where_the_model_is(cli: CommandLine, env: dict[str, str]) -> None:
    done = cli.run("pull", MODEL, env=env)
    assert done.code == 0, done.err
    assert done.out.startswith(f"mlx:{MODEL} is ready (23.0 MB): ")
    assert Path(done.out.strip().rpartition(": ")[2], "model.safetensors").stat().st_size == 256 * 90_000
    assert done.err == f"{MODEL}: 2 files, 23.0 MB\n"


def size(path: Path) -> int:
    """In bytes; none when it got its whole name between the look and this one."""
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def test_a_killed_pull_goes_on_and_json_tells_each_step(
    cli: CommandLine, env: dict[str, str], hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.fault = "slow"
    process = cli.start("pull", MODEL, env=env)
    blobs = tmp_path / "hf" / "hub" / "models--some-org--tiny-4bit" / "blobs"
    wait_for(lambda: any(size(path) > 10**7 for path in blobs.glob("*.incomplete")), "ten megabytes")
    process.send_signal(signal.SIGINT)
    stopped = finish(process)
    assert stopped.code == 130
    assert "run the same command again, it goes on" in stopped.err
    hub.fault = ""
    done = cli.run("pull", MODEL, "--json", env=env)
    start, *_, last = done.json_lines
    assert start["event"] == "start"
    assert 10**7 < start["bytes"] < start["total"] == 23_040_000 + 23
    assert last == {
        "event": "done",
        "model": f"mlx:{MODEL}",
        "folder": last["folder"],
        "bytes": start["total"],
    }
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hf" / "hub"))
    assert str(find_model(MODEL).folder) == last["folder"]


def test_what_the_hub_does_not_have_is_wrong_usage(cli: CommandLine, env: dict[str, str]) -> None:
    done = cli.run("pull", "no-org/nothing", "--json", env=env)
    assert done.code == 2
    assert done.json["error"]["type"] == "PullError"
    assert TOKEN not in done.out + done.err


@pytest.mark.slow
def test_a_full_disk_has_an_exit_code_of_its_own(
    cli: CommandLine, env: dict[str, str], hub: FakeHub, tmp_path: Path
) -> None:
    # No file of this process may grow beyond 15 MB: to a program, that is a disk that is full.
    process = subprocess.Popen(
        ["bash", "-c", f"ulimit -f 15000; exec {sys.executable} -m duograph pull {MODEL}"],
        cwd=tmp_path,
        env=cli.environment | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    done = finish(process)
    assert done.code == 1, done.err
    assert "is full; make room and run the command again, it goes on" in done.err
    hub.requests.clear()
    assert cli.run("pull", MODEL, env=env).code == 0
    assert any(ranges for _verb, path, ranges in hub.requests if path.endswith("model.safetensors"))
