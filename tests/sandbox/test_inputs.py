"""Unsafe paths are refused; arbitrary text is survived."""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox import Evidence, SourceFile, Verifier, open_sandbox
from sandbox.paths import check_paths
from sandbox.scratch import make_scratch, new_folder, remove_scratch, sweep
from tests.processes import PATIENCE_S

TEXT = st.text(alphabet=st.characters(), max_size=60)
CODE = st.one_of(
    TEXT,
    st.sampled_from(
        ["x = 1", "def f(:", "raise SystemExit", "import os; os._exit(0)", "\ufeffx = 1", "\r", "\ud800"]
    ),
)


@pytest.mark.parametrize(
    "path",
    [
        "", "/etc/passwd", "../up.py", "a/../b.py", "./a.py", "a//b.py", "a/", "..", "a\\b.py",
        "..\\a.py", "C:a.py",
        "nul\0.py", "new\nline.py", "a" * 300 + ".py", "/".join("abcdefghijklmnop"), "space /a.py",
        "dot./a.py", "test_names_x.py", "duograph_tests.py", "\ud800.py",
    ],
)  # fmt: skip
async def test_an_unsafe_path_is_refused(verifier: Verifier, path: str) -> None:
    with pytest.raises(ValueError, match=r"^file path .*(use|choose|rename)[^\n]*$"):
        await verifier.verify([SourceFile(path=path, content="")])


@pytest.mark.parametrize(
    "paths", [["a.py", "a.py"], ["A.py", "a.py"], ["a", "a/b.py"], ["é.py", "e\u0301.py"]]
)
async def test_paths_that_clash_are_refused(verifier: Verifier, paths: list[str]) -> None:
    with pytest.raises(ValueError, match="file path"):
        await verifier.verify([SourceFile(path=path, content="") for path in paths])


async def test_too_many_files_are_refused(verifier: Verifier) -> None:
    with pytest.raises(ValueError, match="too large"):
        await verifier.verify([SourceFile(path=f"f{n}.py", content="") for n in range(501)])


@given(path=st.one_of(st.text(max_size=30), st.from_regex(r"[a./\\~:-]{1,12}", fullmatch=True)))
def test_what_is_accepted_stays_inside(path: str) -> None:
    files = [SourceFile(path=path, content="x")]
    try:
        check_paths(files)
    except ValueError:
        return
    folder = make_scratch(files)
    try:
        written = [entry for entry in folder.rglob("*") if entry.is_file()]
        assert [entry.read_text() for entry in written] == ["x"]
        assert written[0].resolve().is_relative_to(folder)
    finally:
        remove_scratch(folder)
    assert not folder.exists()


def test_removing_does_not_follow_links(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/file").write_text("x")
    folder = make_scratch([SourceFile(path="a/b.py", content="")])
    (folder / "link").symlink_to(tmp_path / "kept")
    (folder / "a/link").symlink_to(tmp_path / "kept/file")
    remove_scratch(folder)
    assert not folder.exists()
    assert (tmp_path / "kept/file").read_text() == "x"


def aged(folder: Path, days: float) -> Path:
    folder.mkdir(exist_ok=True)
    moment = time.time() - days * 86_400
    os.utime(folder, (moment, moment))
    return folder


async def ended_program() -> int:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await process.wait()
    return process.pid


async def test_orphans_are_swept_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    gone = await ended_program()
    orphan = tmp_path / f"duograph-run-{gone}-abcdefgh"
    (orphan / "deep/er").mkdir(parents=True)
    (orphan / "deep/er/file").write_text("x")
    (orphan / "deep").chmod(0)
    aged(orphan, 2)
    probe = aged(tmp_path / f"duograph-probe-{gone}-abcdefgh", 2)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/file").write_text("x")
    kept = [
        aged(tmp_path / f"duograph-run-{gone}-younger_", 0.5),
        aged(new_folder("run"), 2),
        aged(tmp_path / "duograph-projects", 2),
        aged(tmp_path / f"duograph-run-{gone}-abcdefgh-mine", 2),
        tmp_path / "elsewhere/file",
    ]
    link = tmp_path / f"duograph-run-{gone}-linklink"
    link.symlink_to(tmp_path / "elsewhere")
    sweep()
    assert not orphan.exists()
    assert not probe.exists()
    assert all(path.exists() for path in [*kept, link])


LEAVES = "from sandbox.scratch import new_folder; print(new_folder('run'))"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is known of a program's start")
async def test_what_a_killed_program_left_is_swept_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        LEAVES,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    left = tmp_path / Path((await process.communicate())[0].decode().strip()).name
    assert await asyncio.to_thread(left.exists)
    own = new_folder("run")
    # Its number may be another program's by now, and it may be one of another container.
    number, began, processes = own.name.split("-")[2:5]
    again = tmp_path / f"duograph-run-{number}-{int(began) + 1}-{processes}-abcdefgh"
    elsewhere = tmp_path / f"duograph-run-{process.pid}-{began}-{int(processes) + 1}-abcdefgh"
    again.mkdir()
    elsewhere.mkdir()
    sweep()
    assert [path.exists() for path in (left, again, own, elsewhere)] == [False, False, True, True]


async def test_opening_a_sandbox_sweeps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    orphan = aged(tmp_path / f"duograph-run-{await ended_program()}-abcdefgh", 2)
    await open_sandbox()
    async with asyncio.timeout(PATIENCE_S):
        while await asyncio.to_thread(orphan.exists):  # noqa: ASYNC110 - another thread removes it
            await asyncio.sleep(0.02)


def test_sweeping_without_a_temporary_folder_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    sweep()


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    code=CODE,
    tests=TEXT,
    false=st.sampled_from(["assert False", "assert 1 == 2", "def test_x(): assert False"]),
)
async def test_a_false_assert_is_never_verified(
    verifier: Verifier, solution: Callable[[str], list[SourceFile]], code: str, tests: str, false: str
) -> None:
    for source in (tests, f"{false}\n", f"x = 1\n{false}\n"):
        evidence = await verifier.verify(solution(code), tests=source, acceptance=tests)
        assert isinstance(evidence, Evidence)
        assert evidence.status in ("verified", "failed")
        if source is not tests:
            assert evidence.status == "failed"
