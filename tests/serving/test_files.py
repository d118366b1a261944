from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import SourceFile
from serving.faults import InputError
from serving.files import Destination, safe_join

PARTS = st.sampled_from(["a", "b.py", "..", ".", "", "/", "\\", "C:", "~", ".git", "link", "\0", "é"])
PATHS = st.one_of(st.lists(PARTS, max_size=6).map("/".join), st.text(max_size=20))


@given(PATHS)
def test_no_path_leaves_its_folder(path: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve() / "out"
        folder.mkdir()
        (folder / "link").symlink_to("..")
        try:
            place = safe_join(folder, path)
        except InputError:
            return
        assert place != folder
        assert place.parent.resolve().is_relative_to(folder)


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "/etc/passwd",
        "../x",
        "a/../../x",
        "C:\\x",
        "C:x",
        "a\\..\\x",
        "x\0y",
        "a/",
        ".git/hooks/x",
        "nul",
        "a/CON.py",
        "a.",
        "b /x",
        "a?.py",
    ],
)
def test_a_path_that_is_no_plain_place_inside_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(InputError, match="names a file"):
        safe_join(tmp_path, path)


def test_files_are_written_into_a_new_folder_and_nothing_else_is_left(tmp_path: Path) -> None:
    files = [SourceFile(path="solution.py", content="x = 'é'\n"), SourceFile(path="pkg/a.py", content="")]
    places = Destination(tmp_path / "new" / "out").write(files)
    assert [place.read_text(encoding="utf-8") for place in places] == ["x = 'é'\n", ""]
    assert sorted(path.name for path in (tmp_path / "new").rglob("*") if path.is_file()) == [
        "a.py",
        "solution.py",
    ]


def test_one_file_that_exists_keeps_all_from_being_written(tmp_path: Path) -> None:
    (tmp_path / "b.py").write_text("mine", encoding="utf-8")
    files = [SourceFile(path="a.py", content="new"), SourceFile(path="b.py", content="new")]
    with pytest.raises(InputError, match=r"b\.py exists: use --force"):
        Destination(tmp_path).write(files)
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == {"b.py": "mine"}
    Destination(tmp_path, force=True).write(files)
    assert {path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == {"new"}


def test_force_replaces_a_link_and_not_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine", encoding="utf-8")
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "a.py").symlink_to(tmp_path / "precious")
    with pytest.raises(InputError, match="exists"):
        Destination(folder).write([SourceFile(path="a.py", content="new")])
    Destination(folder, force=True).write([SourceFile(path="a.py", content="new")])
    assert (tmp_path / "precious").read_text(encoding="utf-8") == "mine"
    assert (folder / "a.py").read_text(encoding="utf-8") == "new"


@pytest.mark.parametrize("paths", [("a.py", "a.py"), ("a.py", "A.py"), ("a", "a/b")])
def test_files_that_get_in_each_others_way_are_not_written(tmp_path: Path, paths: tuple[str, str]) -> None:
    with pytest.raises(InputError):
        Destination(tmp_path / "out").write([SourceFile(path=path, content="") for path in paths])
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_folder_that_cannot_be_written_to_is_found_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    Destination(tmp_path / "new" / "deep").check()
    places = [tmp_path / "file", tmp_path / "file" / "below", Path("a\0b")]
    if not os.access(locked, os.W_OK):  # root may write anywhere
        places.append(locked)
    for place in places:
        with pytest.raises(InputError, match="--out"):
            Destination(place).check()


@pytest.mark.parametrize("force", [False, True])
def test_when_one_file_cannot_be_put_in_place_all_is_as_before(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    force: bool,  # noqa: FBT001
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine", encoding="utf-8")
    if force:
        (folder / "a.py").write_text("old", encoding="utf-8")
        (folder / "link.py").symlink_to("mine.txt")
    before = {path.name: path.read_text(encoding="utf-8") for path in folder.rglob("*")}
    files = [SourceFile(path=path, content="new") for path in ("a.py", "link.py", "deep/er/b.py", "z.py")]
    move = os.replace if force else os.link

    def full_disk(source: Path, target: Path, **options: bool) -> None:
        if str(target).endswith("z.py"):
            raise OSError(errno.ENOSPC, "No space left on device")
        move(source, target, **options)

    monkeypatch.setattr(os, "replace" if force else "link", full_disk)
    monkeypatch.setattr(Path, "replace", full_disk)
    with pytest.raises(InputError, match="No space left on device"):
        Destination(folder, force=force).write(files)
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.rglob("*")} == before
    assert (folder / "link.py").is_symlink() is force


@given(
    st.lists(
        st.sampled_from(("a.py", "b/c.py", "b/d.txt", "b", "../x", "/x", "A.py", "e/../f", "nul", "link/x")),
        min_size=1,
        max_size=4,
    ),
    st.booleans(),
)
def test_whatever_is_written_is_whole_inside_and_nothing_else_changes(paths: list[str], force: bool) -> None:  # noqa: FBT001
    with tempfile.TemporaryDirectory() as name:
        outside, folder = Path(name) / "outside", Path(name) / "out"
        outside.mkdir()
        folder.mkdir()
        (folder / "link").symlink_to(outside)
        (folder / "a.py").write_text("mine", encoding="utf-8")
        before = sorted(folder.rglob("*"))
        try:
            places = Destination(folder, force=force).write(
                [SourceFile(path=path, content=path) for path in paths]
            )
        except InputError:
            assert sorted(folder.rglob("*")) == before
            assert (folder / "a.py").read_text(encoding="utf-8") == "mine"
        else:
            assert [place.read_text(encoding="utf-8") for place in places] == paths
        assert list(outside.iterdir()) == []
        assert sorted(path.name for path in Path(name).iterdir()) == ["out", "outside"]
