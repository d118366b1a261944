"""Which files of a folder are read."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.archives.ignoring import MAX_BYTES
from memory.archives.report import ArchiveError
from memory.archives.walking import MAX_DEPTH, Found, walk


def make(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"of {path.name}", encoding="utf-8")


def reasons(found: Found) -> dict[str, str]:
    return {each.path: each.reason for each in found.skipped}


def test_what_is_not_the_users_own_work_is_left_out(tmp_path: Path) -> None:
    make(tmp_path, "b.md", "a/x.py", ".env", ".git/config", "node_modules/m/i.js", "__pycache__/a.pyc")
    make(tmp_path, "myenv/pyvenv.cfg", "myenv/lib.py", "cache/CACHEDIR.TAG", "cache/c.txt")
    found = walk(tmp_path)
    assert found.paths == ["b.md", "a/x.py"]
    assert reasons(found) == {
        ".env": "is hidden",
        ".git": "is hidden",
        "__pycache__": "holds what others wrote, or what is made again",
        "cache": "is a cache",
        "myenv": "is a virtual environment",
        "node_modules": "holds what others wrote, or what is made again",
    }


def test_a_name_that_is_shown_in_another_order_is_left_out(tmp_path: Path) -> None:
    make(tmp_path, "bill\u202efdp.md", "a.md")
    found = walk(tmp_path)
    assert found.paths == ["a.md"]
    assert reasons(found) == {r"bill\u202efdp.md": "has a name that no answer could cite: rename it"}


def test_links_are_not_followed(tmp_path: Path) -> None:
    make(tmp_path, "outside/secret.txt", "in/a.txt")
    root = tmp_path / "in"
    (root / "out.txt").symlink_to("../outside/secret.txt")
    (root / "outdir").symlink_to("../outside")
    (root / "same.txt").symlink_to("a.txt")
    (root / "loop").symlink_to(".")
    (root / "self").symlink_to("self")
    (root / "none").symlink_to("no-such-file")
    found = walk(root)
    assert found.paths == ["a.txt"]
    assert reasons(found) == {
        "out.txt": "is a link out of here",
        "outdir": "is a link out of here",
        "same.txt": "is a link to what is read in its own place",
        "loop": "is a link to what is read in its own place",
        "self": "is a link that leads nowhere",
        "none": "is a link that leads nowhere",
    }


def test_names_that_could_not_be_cited_are_left_out_and_shown_escaped(tmp_path: Path) -> None:
    names = [
        b"a\nb.txt",
        b"c\x1b[2Jd.txt",
        b"\xff\xfe.txt",
        "e\u2028f.txt".encode(),
        "fine ü 漢.txt".encode(),
    ]
    for name in names:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(b"text")
    found = walk(tmp_path)
    assert found.paths == ["fine ü 漢.txt"]
    assert set(reasons(found)) == {"a\\nb.txt", "c\\x1b[2Jd.txt", "\\udcff\\udcfe.txt", "e\\u2028f.txt"}


def test_folders_in_folders_end_somewhere(tmp_path: Path) -> None:
    folder = tmp_path
    for _ in range(MAX_DEPTH + 5):
        folder /= "d"
        folder.mkdir()
        (folder / "f.txt").write_text("text", encoding="utf-8")
    found = walk(tmp_path)
    assert len(found.paths) == MAX_DEPTH
    assert reasons(found) == {"/".join("d" * (MAX_DEPTH + 1)): f"is more than {MAX_DEPTH} folders deep"}


def test_a_pipe_and_a_closed_folder_are_left_out(tmp_path: Path) -> None:
    make(tmp_path, "a.txt", "closed/b.txt")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "closed").chmod(0)
    try:
        is_root = os.access(tmp_path / "closed", os.R_OK)
        found = walk(tmp_path)
    finally:
        (tmp_path / "closed").chmod(0o700)
    assert reasons(found)["pipe"] == "is no regular file"
    if not is_root:
        assert reasons(found)["closed"] == "cannot be read (Permission denied)"
        assert found.is_unseen("closed/b.txt")
        assert not found.is_unseen("closed-not.txt")


def test_a_folder_that_is_none_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(
        ArchiveError, match=r"The folder .*nowhere cannot be read: No such file or directory\."
    ):
        walk(tmp_path / "nowhere")


RULES = st.lists(
    st.sampled_from(
        [
            "*.log",
            "!keep.log",
            "/build/",
            "build",
            "a/**/c",
            "**/d.txt",
            "a/b/",
            "# a",
            "!a/b/d.txt",
            "[a-c].txt",
        ]
    ),
    max_size=4,
)
NAMES = [
    *("a.txt", "x.log", "keep.log", "build/o.txt", "a/build/o.txt", "a/b/c/x.txt", "a/b/d.txt", "a/keep.log"),
    *("a/b/keep.log", "d.txt", "c/c.txt", "a/b/x.log"),
]


@given(RULES, RULES)
def test_what_git_ignores_is_ignored(
    tmp_path_factory: pytest.TempPathFactory, top: list[str], inner: list[str]
) -> None:
    root = tmp_path_factory.mktemp("repository")
    make(root, *NAMES)
    (root / ".gitignore").write_text("\n".join(top), encoding="utf-8")
    (root / "a" / ".gitignore").write_text("\n".join(inner), encoding="utf-8")
    git = ["git", "-C", str(root), "-c", "core.excludesFile=/dev/null"]
    subprocess.run([*git, "init", "-q"], check=True)
    listed = [*git, "ls-files", "--others", "--exclude-standard"]
    shown = subprocess.run(listed, check=True, capture_output=True, text=True).stdout.split()
    assert sorted(walk(root).paths) == sorted(name for name in shown if not name.endswith(".gitignore"))


def test_rules_of_the_folders_above_hold_too(tmp_path: Path) -> None:
    make(tmp_path, ".git/HEAD", "docs/a.md", "docs/secret.md", "docs/b/c.tmp", "build/x.md")
    (tmp_path / ".gitignore").write_text("/docs/secret.md\n*.tmp\nbuild/\n", encoding="utf-8")
    assert walk(tmp_path / "docs").paths == ["a.md"]
    assert walk(tmp_path / "build").paths == ["x.md"], "whoever names an ignored folder wants it"


def test_rules_that_nobody_can_read_close_a_folder(tmp_path: Path) -> None:
    make(tmp_path, "a.txt", "b/c.txt")
    (tmp_path / "b" / ".gitignore").write_text("#" * (MAX_BYTES + 1), encoding="utf-8")
    found = walk(tmp_path)
    assert found.paths == ["a.txt"]
    assert reasons(found)["b"] == "its .gitignore has more than 500,000 bytes"
    (tmp_path / ".gitignore").write_text("#" * (MAX_BYTES + 1), encoding="utf-8")
    with pytest.raises(ArchiveError, match=r"its \.gitignore has more than 500,000 bytes; mend that file"):
        walk(tmp_path)


def test_hostile_and_broken_rules_end_soon_and_keep_nothing_in(tmp_path: Path) -> None:
    long = "a" * 250
    make(tmp_path, long, "b.txt", f"{long[:100]}b")
    rules = [
        "*a" * 20 + "*c",
        "!" + "*a" * 20 + "*",
        "[z-a]",
        "!",
        "\\",
        "**/a/" * 30 + "x",
        "# " + "*a" * 20,
    ]
    (tmp_path / ".gitignore").write_text("\n".join(rules), encoding="utf-8")
    assert walk(tmp_path).paths == ["b.txt"]
