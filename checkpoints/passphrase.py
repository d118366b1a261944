"""The passphrase of an encrypted file: how long it is, and where it comes from."""

from __future__ import annotations

import os
from typing import Final

from checkpoints.protocol import DatabaseError

KEY_VARIABLE: Final = "DUOGRAPH_ENCRYPTION_KEY"
SHORTEST_KEY: Final = 8


def is_too_short(key: str) -> bool:
    """Whether a key has fewer characters than one that a file is encrypted with from now on."""
    return len(key) < SHORTEST_KEY


def check_key(key: object) -> None:
    """Make sure that an argument is a key, or None; a short one may still open a file that is there.

    Raises:
        TypeError: When it is no text.
        ValueError: When it is empty.
    """
    if key is None:
        return
    if not isinstance(key, str):
        # Not its value, which may be the key in another form.
        raise TypeError(f"encryption_key is a {type(key).__name__}: give the passphrase as text.")
    if not key:
        raise ValueError(
            f"encryption_key is empty: give a passphrase of {SHORTEST_KEY} characters or more, or leave it "
            "out."
        )


def key_variable_problem() -> str:
    """What is wrong with the variable of the key, in one sentence; empty where nothing is.

    Whoever sets it means to encrypt: an empty one, as of a secret that was not found, is not taken for none.
    """
    if os.environ.get(KEY_VARIABLE) != "":
        return ""
    return (
        f"The environment variable {KEY_VARIABLE} is empty: give a passphrase of {SHORTEST_KEY} characters "
        "or more, or unset it."
    )


def key_of(argument: str | None) -> str | None:
    """The key that was given as an argument, or else in the environment.

    Raises:
        DatabaseError: When no argument was given and the variable is empty.
    """
    if argument is not None:
        return argument
    if problem := key_variable_problem():
        raise DatabaseError(problem)
    return os.environ.get(KEY_VARIABLE)


def check_new_key(key: str, place: str) -> None:
    """Make sure that a key is long enough to encrypt a file from now on.

    Raises:
        DatabaseError: When it is not.
    """
    if is_too_short(key):
        raise DatabaseError(
            f"The session database {place} cannot be encrypted with so short an encryption_key: give a "
            f"passphrase of {SHORTEST_KEY} characters or more."
        )
