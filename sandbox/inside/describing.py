"""Naming what happened in untrusted code without trusting its own words."""

from __future__ import annotations


def show(value: object, most: int = 200) -> str:
    """The value's repr, clipped, whatever its class does."""
    try:
        text = repr(value)
    except BaseException as error:  # noqa: BLE001 - the solution's own __repr__
        return f"<{type(value).__name__}, whose repr raises {type(error).__name__}>"
    return text if len(text) <= most else f"{text[: most // 2]} … {text[-most // 2 :]}"


def claim(left: object, right: object) -> str:
    """What an object does that equals more than is honest."""
    return f"{show(left)} claims to equal {show(right)}, and other values as well"


def where(error: BaseException, folder: str) -> str:
    """The last place in the solution that an exception passed, such as `solution.py, line 3`."""
    # An exception that crossed brought the place along.
    place = str(getattr(error, "__dict__", {}).get("__place__", ""))
    step = error.__traceback__
    crossed = bool(place)
    while step is not None and not crossed:
        name = step.tb_frame.f_code.co_filename
        if name.startswith((folder, "<")):
            file = name[len(folder) + 1 :] if name.startswith(folder) else name
            place = f"{file}, line {step.tb_lineno}"
        step = step.tb_next
    return place


def describe(error: BaseException, folder: str) -> str:
    """Name an exception with its last place in the solution, without trusting it."""
    try:
        text = str(error)
    except BaseException:  # noqa: BLE001 - the solution's own __str__
        text = "(its message could not be shown)"
    kind = type(error).__name__
    if isinstance(error, SyntaxError):
        return f"{kind}: {error.msg} (line {error.lineno})"
    place = where(error, folder)
    place = f" ({place})" if place else ""
    return f"{kind}: {text}{place}" if text else f"{kind}{place}"
