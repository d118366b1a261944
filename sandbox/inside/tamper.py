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
_GIVERS = frozenset(("walk_stack", "walk_tb"))


def watch(trusted: list[str], report: Callable[[str], None]) -> None:
    """Watch from now on.

    Args:
        trusted: Where code lies, or what it is called, that is not the solution's.
        report: Says what was tried, before the process ends.
    """
    trust = tuple(path for path in trusted if path)
    getframe, leave, busy = sys._getframe, os._exit, set[int]()  # noqa: SLF001 - there is no other way
    import _thread  # noqa: PLC0415 - a built-in module

    thread = _thread.get_ident

    def solution_did_it() -> bool:
        """Whether the code that caused an event is the solution's, or hands frames over to it."""
        frame = getframe(2)
        while _hands_over(frame) and frame.f_back is not None:
            frame = frame.f_back
        return not frame.f_code.co_filename.startswith(trust)

    def hook(event: str, args: Untyped) -> None:
        me = thread()
        if me in busy:
            return
        if event not in _FOREIGN and not _asks_for_more(event, args, trust):
            return
        busy.add(me)
        try:
            guilty = solution_did_it()
        finally:
            busy.discard(me)
        if guilty:
            what = f"{event} {args[1]}" if event.startswith("object.") else event
            report(f"the solution reached for the process that tests it: {what}")
            leave(_LOST)

    sys.addaudithook(hook)


def _asks_for_more(event: str, args: Untyped, trust: tuple[str, ...]) -> bool:
    if event == "object.__getattr__":
        return args[1] in _FRAMES
    if event == "object.__setattr__":
        return args[1] in _CODE
    if event == "compile":
        # Code under a name that we trust.
        name = args[1]
        return isinstance(name, str) and name.startswith(trust)
    return False


def _hands_over(frame: FrameType) -> bool:
    """Whether a library's code does what its caller wants, such as giving it frames."""
    code = frame.f_code
    folder, _, file = code.co_filename.rpartition("/")
    if file == "traceback.py":
        return code.co_name in _GIVERS
    return file == "inspect.py" or folder.endswith("/ctypes")
