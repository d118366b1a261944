"""Values of settings as people write them, read and checked one by one."""

import json
import os

from pydantic import SecretStr

from checkpoints.passphrase import SHORTEST_KEY, is_too_short
from checkpoints.settings import user_problem
from toolkit.web.hosts import problem_with_host


def folders(value: object) -> object:
    """A list as the environment has it: folders joined as in `PATH`."""
    return [part for part in value.split(os.pathsep) if part] if isinstance(value, str) else value


def folder(value: object) -> object:
    """A folder as people write it; an empty one is none."""
    return (os.path.expanduser(value) or None) if isinstance(value, str) else value  # noqa: PTH111  # "" is no Path


def table(value: object) -> object:
    """A table as the environment has it: a JSON object.

    Raises:
        ValueError: When it is none.
    """
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        # Not from the JSON error, which holds the text.
        raise ValueError('write a JSON object such as {"name": …}') from None


def passphrase(key: SecretStr) -> SecretStr:
    """A key that is long enough.

    Raises:
        ValueError: When it is not.
    """
    if is_too_short(key.get_secret_value()):
        raise ValueError(f"a passphrase has {SHORTEST_KEY} characters or more")
    return key


def user(name: str) -> str:
    """The name of a user.

    Raises:
        ValueError: When it cannot be one.
    """
    if problem := user_problem(name):
        raise ValueError(problem)
    return name


def host(pattern: str) -> str:
    """A host that pages may be fetched from.

    Raises:
        ValueError: When no page can come from it.
    """
    if problem := problem_with_host(pattern):
        raise ValueError(problem)
    return pattern
