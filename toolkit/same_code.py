"""Whether a function is the one that it was: by its own code, not by where that stands."""

from __future__ import annotations

import hashlib
from inspect import unwrap
from types import CodeType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def fingerprint_of(function: Callable[..., Any]) -> str:
    """A digest of what a function does itself; empty where that cannot be seen, as of what is written in C.

    What it calls is not looked at. Another version of Python may give another digest.
    """
    code = getattr(unwrap(getattr(function, "__func__", function)), "__code__", None)
    return hashlib.sha256(_said(code).encode("utf-8", "surrogatepass")).hexdigest()[:32] if code else ""


def _said(value: object) -> str:
    if isinstance(value, CodeType):
        parts = (value.co_code.hex(), value.co_names, value.co_varnames, value.co_freevars)
        return repr((*parts, [_said(one) for one in value.co_consts]))
    if isinstance(value, frozenset):  # whose order changes from one process to the next
        return repr(sorted(map(_said, value)))
    if isinstance(value, tuple):
        return repr([_said(one) for one in value])
    return f"{type(value).__name__} {value!r}"
