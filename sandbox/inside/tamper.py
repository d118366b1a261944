"""Ending the process when the solution reaches for the means of those who run it, by an audit hook.

For the process that tests and solution share. An audit hook cannot be taken away again, and it sees what
`sys.addaudithook` and the tables of audit events name, not every way there is: walking from class to class
needs none of them.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any, TypeAlias

    Untyped: TypeAlias = Any  # the arguments of an event

_LOST = 70
_FOREIGN = frozenset(
    """gc.get_objects gc.get_referrers gc.get_referents
    sys._current_frames sys._current_exceptions sys.settrace sys.setprofile sys.addaudithook
    sys.monitoring.register_callback sys._getframe code.__new__ marshal.loads
    ctypes.dlopen ctypes.dlsym ctypes.dlsym/handle ctypes.call_function ctypes.cdata ctypes.cdata/buffer
    ctypes.addressof ctypes.string_at ctypes.wstring_at ctypes.PyObj_FromPtr""".split()  # noqa: SIM905 - a list of words
)
"""Events that are none of the solution's own; libraries may cause them."""
_FRAMES = frozenset(("gi_frame", "cr_frame", "ag_frame", "tb_frame"))
_CODE = frozenset(("__code__", "__defaults__", "__kwdefaults__"))
_GIVERS = {
    "traceback.py": ("walk_stack", "walk_tb"),
    "string.py": ("get_field",),
    "pkgutil.py": ("resolve_name",),
    "pydoc.py": ("resolve", "locate"),
}
"""Functions of the library that get for others whatever these name."""
_TESTS = ("<tests>", "<acceptance>")


_INSPECTING = ("inspect.py",)


def watch(names: list[str], places: list[str], report: Callable[[str], None]) -> None:
    """Watch from now on.

    Args:
        names: What code is called that is not the solution's.
        places: Where such code lies; ours in the first.
        report: Says what was tried, before the process ends.
    """
    libraries = tuple(path for path in places if path)
    trust = (*names, *libraries)
    asks, guilty_of, wants_a_test = _asking(trust), _guilt(trust, libraries), _wanting(trust, places[0])
    # Nothing below is looked up among globals or builtins, which can be changed and put back meanwhile.
    leave, busy, foreign, is_text = os._exit, set[int](), _FOREIGN, str.startswith
    import _thread  # noqa: PLC0415 - a built-in module

    thread = _thread.get_ident

    def hook(event: str, args: Untyped) -> None:
        me = thread()
        if me in busy:
            return
        known = event in foreign or asks(event, args)
        if not known and event != "object.__getattr__":
            return
        busy.add(me)
        try:
            guilty = guilty_of(event) if known else wants_a_test(args)
        finally:
            busy.discard(me)
        if guilty:
            what = f"{event} {args[1]}" if is_text(event, "object.") else event
            report(f"the solution reached for the process that tests it: {what}")
            leave(_LOST)

    sys.addaudithook(hook)


def _asking(trust: tuple[str, ...]) -> Callable[[str, Untyped], bool]:
    frames, codes, text, kind = _FRAMES, _CODE, str, type

    def asks(event: str, args: Untyped) -> bool:
        """Whether an event asks for more than a solution has to know."""
        if event == "object.__getattr__":
            return args[1] in frames
        if event == "object.__setattr__":
            return args[1] in codes
        # Code under a name that we trust.
        return event == "compile" and kind(args[1]) is text and args[1].startswith(trust)

    return asks


def _guilt(trust: tuple[str, ...], libraries: tuple[str, ...]) -> Callable[[str], bool]:
    getframe, hands_over = sys._getframe, _handing_over()  # noqa: SLF001 - there is no other way

    def guilty(event: str) -> bool:
        """Whether the code that caused an event is the solution's, or hands frames over to it."""
        frame = getframe(2)
        if event == "marshal.loads" and frame.f_code.co_filename.startswith("<frozen "):
            # An import; what its bytecode says of its origin is the word of whoever wrote it.
            path = frame.f_locals.get("bytecode_path") or frame.f_locals.get("pathname") or ""
            return not path.startswith(libraries)
        while hands_over(frame) and frame.f_back is not None:
            frame = frame.f_back
        return not frame.f_code.co_filename.startswith(trust)

    return guilty


def _wanting(trust: tuple[str, ...], ours: str) -> Callable[[Untyped], bool]:
    getframe, tests = sys._getframe, _TESTS  # noqa: SLF001 - there is no other way

    def wants_a_test(args: Untyped) -> bool:
        """Whether the solution, or a library for it, asks for a test's code, with the expected values."""
        if args[1] != "__code__":
            return False
        code = args[0].__code__
        if code.co_filename not in tests or not code.co_name.startswith("test"):
            return False
        frame = getframe(2)
        while frame.f_code.co_filename.startswith(trust) and frame.f_back is not None:
            if frame.f_code.co_filename.startswith((ours, *tests)):
                return False
            frame = frame.f_back
        return not frame.f_code.co_filename.startswith(trust)

    return wants_a_test


def _handing_over() -> Callable[[FrameType], bool]:
    givers, files = dict(_GIVERS), _INSPECTING

    def hands_over(frame: FrameType) -> bool:
        """Whether a library's code does what its caller wants, such as giving it frames."""
        code = frame.f_code
        folder, _, file = code.co_filename.rpartition("/")
        if file in givers:
            return code.co_name in givers[file]
        if file == "__init__.py" and folder.endswith("/logging"):
            # It gets its caller's frame itself, but for `currentframe`, which gives it to anybody.
            own = frame.f_back is not None and frame.f_back.f_code.co_filename == code.co_filename
            return code.co_name in ("<lambda>", "currentframe") and not own
        return file in files or folder.endswith("/ctypes")

    return hands_over
