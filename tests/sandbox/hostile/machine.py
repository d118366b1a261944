"""What must be as it was before, whatever ran: looked at before a run and again after it."""

import contextlib
import ctypes
import fcntl
import gc
import json
import os
import select
import socket
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from sandbox.interpreter import INSIDE, inside_command

_SET_SUBREAPER = 36
_ROOTS = ("/", "/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "/run", "/run/lock")  # noqa: S108 - only looked at
Facts = dict[str, object]


class Machine:
    """A place with a secret, listeners and a temporary folder of its own, and everything around it."""

    def __init__(self, place: Path, mark: str, secret: str, stack: ExitStack) -> None:
        """Prepare the place."""
        inside_command("guard")  # leaves the bytecode that every run would leave
        self.mark = mark
        self.secret = secret
        self.temporary = place / "temporary"
        self.temporary.mkdir()
        self.outside = place / "outside"
        (self.outside / "folder").mkdir(parents=True)
        (self.outside / "secret").write_text(secret)
        (self.outside / "own").write_text("as it was")
        # A path of a socket may be 100 bytes long, which pytest's folders come close to.
        sockets = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="s-")))
        self.stream, self.datagram = str(sockets / "stream"), str(sockets / "datagram")
        self._listeners = [
            _listener(stack, socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
            _listener(stack, socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
            _listener(stack, socket.AF_UNIX, socket.SOCK_STREAM, self.stream),
            _listener(stack, socket.AF_UNIX, socket.SOCK_DGRAM, self.datagram),
            _listener(stack, socket.AF_UNIX, socket.SOCK_DGRAM, f"\0{mark}"),
        ]
        # One of many, since programs may run beside each other.
        libraries = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
        self._library = libraries[int(mark[:8], 16) % len(libraries)]

    def fill(self, source: str) -> str:
        """Put this machine's facts into a program."""
        facts = {
            "MARK": self.mark,
            "KEY": str(int(self.mark[:7], 16)),
            "OUTSIDE": str(self.outside),
            "PROGRAM": str(os.getpid()),
            "NEWEST": Path("/proc/loadavg").read_text().split()[-1],
            "LIBRARY": str(self._library),
            "TCP": str(self._listeners[0].getsockname()[1]),
            "UDP": str(self._listeners[1].getsockname()[1]),
            "STREAM": self.stream,
            "DATAGRAM": self.datagram,
        }
        for name, value in facts.items():
            source = source.replace(f"@{name}@", value)
        return source

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Look before and after; whatever the run left or changed fails the test."""
        libc = ctypes.CDLL(None)
        # Whoever outlives the guard becomes a child of ours, so nobody can hide.
        libc.prctl(_SET_SUBREAPER, 1, 0, 0, 0)
        gc.collect()  # templates of other tests end now, and not in between
        gc.freeze()  # what libraries have loaded takes the next search 0.15 s
        before = self._facts()
        try:
            yield
            after = self._facts()
        finally:
            libc.prctl(_SET_SUBREAPER, 0, 0, 0, 0)
        changed = {name: (before[name], after[name]) for name in before if before[name] != after[name]}
        assert not changed, json.dumps(changed, default=str, indent=1)

    def _facts(self) -> Facts:
        return {
            "processes": self._processes(),
            "descriptors": _descriptors(),
            "scratch folders": sorted(os.listdir(self.temporary)),  # noqa: PTH208 - names
            "files outside": _tree(self.outside),
            "marked files": self._marked_files(),
            "IPC objects": self._ipc_objects(),
            "somebody called": [each.getsockname() for each in select.select(self._listeners, [], [], 0)[0]],
            "our scripts": [(path.name, _facts_of(path)) for path in sorted(INSIDE.glob("*.py"))],
            # Only their content: another test process may just have compiled them as well.
            "our bytecode": {path.name: path.read_bytes() for path in INSIDE.glob("__pycache__/*.pyc")},
            "libraries": [_facts_of(Path(sysconfig.get_path(name))) for name in ("stdlib", "purelib")],
            "locks": _locked(self._library),
            "working folder, mask": (Path.cwd(), _mask()),
            "limits": Path("/proc/self/limits").read_text(),
        }

    def _processes(self) -> list[str]:
        """Children of ours, and whoever bears the mark or stands in a scratch folder."""
        found = []
        ours, scratch = os.getpid(), str(self.temporary)
        for name in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 - names, and there are many
            with contextlib.suppress(OSError):  # it ended meanwhile, or is another user's
                with open(f"/proc/{name}/stat", "rb") as stat, open(f"/proc/{name}/cmdline", "rb") as words:  # noqa: PTH123 - quicker
                    fields = stat.read().rpartition(b")")[2].split()
                    line = words.read().replace(b"\0", b" ").decode(errors="replace")
                mine = int(fields[1]) == ours
                inside = os.readlink(f"/proc/{name}/cwd").startswith(scratch)  # noqa: PTH115 - the same
                if mine or inside or self.mark in line:
                    state = "zombie" if fields[0] == b"Z" else "lives"
                    found.append(f"{name} {state} {line[:200]}")
        return sorted(found)

    def _marked_files(self) -> list[str]:
        roots = [*_ROOTS, str(Path.home()), str(Path.cwd()), str(self.temporary.parent)]
        found = []
        for root in roots:
            with contextlib.suppress(OSError):
                found += [f"{root}/{name}" for name in os.listdir(root) if self.mark in name]  # noqa: PTH208
        return found

    def _ipc_objects(self) -> list[str]:
        key = str(int(self.mark[:7], 16))
        tables = [Path("/proc/sysvipc") / name for name in ("shm", "msg", "sem")]
        rows = [row for table in tables if table.exists() for row in table.read_text().splitlines()]
        return [row for row in rows if row.split()[0] == key]


def _listener(stack: ExitStack, family: int, kind: int, address: tuple[str, int] | str) -> socket.socket:
    made = stack.enter_context(socket.socket(family, kind))
    made.bind(address)
    if kind == socket.SOCK_STREAM:
        made.listen()
    return made


def _descriptors() -> dict[str, str]:
    found = {}
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # the one that reads this folder
            found[entry.name] = str(entry.readlink())
    return {name: target for name, target in found.items() if not target.endswith("/fd")}


def _tree(root: Path) -> dict[str, object]:
    return {
        str(path.relative_to(root)): (_facts_of(path), path.read_bytes() if path.is_file() else b"")
        for path in sorted([root, *root.rglob("*")])
    }


def _facts_of(path: Path) -> object:
    facts = path.lstat()
    attributes = tuple(os.listxattr(path, follow_symlinks=False))
    return oct(facts.st_mode), facts.st_uid, facts.st_gid, facts.st_size, facts.st_mtime_ns, attributes


def _locked(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def _mask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
