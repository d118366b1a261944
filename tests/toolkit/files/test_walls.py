"""Nothing outside of the allowed folders is ever read."""

import os
import socket
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.files.walls import Walls, is_private, open_file
from toolkit.protocol import ToolError
from toolkit.registry import make
from toolkit.running import run

OUTSIDE = "what is outside"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "ours.txt").write_text("ours\n", encoding="utf-8")
    (tmp_path / "root-2").mkdir()
    (tmp_path / "root-2" / "secret.txt").write_text(OUTSIDE, encoding="utf-8")
    (tmp_path / "secret.txt").write_text(OUTSIDE, encoding="utf-8")
    (folder / "out").symlink_to("../secret.txt")
    (folder / "far").symlink_to(tmp_path / "root-2")
    (folder / "round").symlink_to("round")
    (folder / "near").symlink_to("inner")
    return folder


@pytest.mark.parametrize(
    "path",
    [
        "../secret.txt", "inner/../../secret.txt", "out", "far/secret.txt", "near/../../secret.txt",
        "{top}/secret.txt", "{top}/root-2/secret.txt", "{top}/root/../secret.txt", "/etc/passwd",
        "/proc/self/environ", "/dev/fd/0", "//etc/passwd", "~/.bashrc", "..", "../root-2",
        "..//root-2/secret.txt", "round",
        "{TOP}/ROOT/inner/ours.txt", "OUT", "\\..\\secret.txt", "inner\\..\\..\\secret.txt",
        "%2e%2e/secret.txt",
    ],
)  # fmt: skip
@pytest.mark.parametrize("tool", ["read_file", "list_files", "search_files"])
async def test_no_path_leads_outside(root: Path, tool: str, path: str) -> None:
    top = str(root.parent)
    arguments = {"path": path.replace("{top}", top).replace("{TOP}", top.upper())}
    extra = {"pattern": "outside"} if tool == "search_files" else {}
    outcome = await run(make(tool, file_roots=[root]), arguments | extra)
    assert outcome.is_error
    assert OUTSIDE not in outcome.text
    assert "secret.txt 1" not in outcome.text


def test_what_is_told_of_the_outside_is_the_same_whether_or_not_it_is_there(root: Path) -> None:
    walls = Walls([root])
    said = set()
    for name in ("secret.txt", "no-such.txt"):
        with pytest.raises(ToolError) as caught:
            walls.find(f"../{name}")
        said.add(str(caught.value).replace(name, "NAME"))
    assert len(said) == 1


def test_links_and_dots_that_stay_inside_work(root: Path) -> None:
    for path in (
        "near/ours.txt",
        "inner/../inner/ours.txt",
        str(root / "inner" / "ours.txt"),
        "./inner//ours.txt",
    ):
        with open_file(Walls([root]).find(path)) as stream:
            assert stream.read() == b"ours\n"


@given(
    st.lists(
        st.sampled_from(["..", ".", "inner", "near", "far", "out", "ours.txt", "secret.txt", "", "root-2"]),
        max_size=7,
    )
)
def test_whatever_is_opened_lies_inside(tmp_path_factory: pytest.TempPathFactory, parts: list[str]) -> None:
    top = tmp_path_factory.getbasetemp() / "walls"
    if not top.exists():
        (top / "root" / "inner").mkdir(parents=True)
        (top / "root" / "inner" / "ours.txt").write_text("ours", encoding="utf-8")
        (top / "secret.txt").write_text(OUTSIDE, encoding="utf-8")
        (top / "root" / "out").symlink_to("../secret.txt")
        (top / "root" / "far").symlink_to("..")
        (top / "root" / "near").symlink_to("inner")
    try:
        with open_file(Walls([top / "root"]).find("/".join(parts).lstrip("/"))) as stream:
            text = stream.read()
    except ToolError:
        return
    assert text == b"ours"


def test_a_folder_that_becomes_a_link_after_the_check_is_not_followed(root: Path) -> None:
    place = Walls([root]).find("inner/ours.txt")
    (root / "inner").rename(root / "was")
    (root / "inner").symlink_to(root.parent / "root-2")
    (root.parent / "root-2" / "ours.txt").write_text(OUTSIDE, encoding="utf-8")
    with pytest.raises(ToolError), open_file(place):
        pass
    with pytest.raises(ValueError, match="one name"):
        Walls([root]).find("was").child("../..")


def test_a_file_that_becomes_a_link_after_the_check_is_not_followed(root: Path) -> None:
    place = Walls([root]).find("inner/ours.txt")
    (root / "inner" / "ours.txt").unlink()
    (root / "inner" / "ours.txt").symlink_to(root.parent / "secret.txt")
    with pytest.raises(ToolError), open_file(place):
        pass


def test_a_link_that_swaps_all_the_time_never_shows_the_outside(root: Path) -> None:
    walls, end = Walls([root]), threading.Event()
    real, link = root / "real", root / "link"
    real.mkdir()
    (real / "ours.txt").write_text("ours", encoding="utf-8")
    (root.parent / "root-2" / "ours.txt").write_text(OUTSIDE, encoding="utf-8")
    link.symlink_to(root.parent / "root-2")

    def swap() -> None:
        while not end.is_set():
            real.rename(root / "aside")
            link.rename(real)
            real.rename(link)
            (root / "aside").rename(real)

    thread = threading.Thread(target=swap)
    thread.start()
    seen = set()
    try:
        for _ in range(300):
            try:
                with open_file(walls.find("real/ours.txt")) as stream:
                    seen.add(stream.read())
            except ToolError:
                continue
    finally:
        end.set()
        thread.join()
    assert seen <= {b"ours"}


@pytest.mark.parametrize("kind", ["fifo", "socket", "device"])
async def test_only_ordinary_files_are_opened(root: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    if kind == "fifo":
        os.mkfifo("special")  # opening it would wait for a writer
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("special")
    else:
        try:
            os.mknod("special", 0o20666, os.makedev(1, 5))
        except PermissionError:
            pytest.skip("only root makes devices")
    outcome = await run(make("read_file", file_roots=[root]), {"path": "special"})
    assert outcome.text == "special is no ordinary file."


@pytest.mark.parametrize(
    "name",
    [".env", ".ENV", ".Env.Local", ".ssh", "ID_RSA", "server.PEM", ".git", "\uff0eenv", ".\u017fsh", ".aws"],
)
def test_what_may_hold_secrets_is_known_however_it_is_written(name: str) -> None:
    assert is_private(name)


@pytest.mark.parametrize("name", ["environment.py", ".env.example", "keys.py", "gitignore", "main.key.py"])
def test_ordinary_names_are_not_private(name: str) -> None:
    assert not is_private(name)


async def test_what_may_hold_secrets_is_neither_listed_nor_read_nor_searched(root: Path) -> None:
    (root / ".git").mkdir()
    (root / ".git" / "config").write_text(OUTSIDE, encoding="utf-8")
    (root / ".env").write_text(OUTSIDE, encoding="utf-8")
    (root / "plain").symlink_to(".env")
    assert "hold secrets" in (await run(make("read_file", file_roots=[root]), {"path": ".git/config"})).text
    assert "hold secrets" in (await run(make("read_file", file_roots=[root]), {"path": "plain"})).text
    assert ".env" not in (await run(make("list_files", file_roots=[root]), {})).text
    found = await run(make("search_files", file_roots=[root]), {"pattern": "outside"})
    assert found.text == "No line matches."
