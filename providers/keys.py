"""API keys that a program or a configuration file gives by provider name."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from pydantic import SecretStr

from providers.protocol import ModelConfigError
from providers.registry import PROVIDERS
from providers.scrub import quote

if TYPE_CHECKING:
    from collections.abc import Mapping


def given_keys(api_keys: Mapping[str, SecretStr], openai_api_key: SecretStr | None) -> dict[str, SecretStr]:
    """Check the names, strip the keys, and drop empty ones, so that the environment's count instead.

    Args:
        api_keys: Keys by provider name.
        openai_api_key: The same as `api_keys["openai"]`, which goes before it.

    Raises:
        ModelConfigError: When a name is no provider's that takes a key, or a key is no `SecretStr`.
    """
    known = [name for name, row in PROVIDERS.items() if row.key_variable]
    for name in api_keys:
        if name not in known:
            near = difflib.get_close_matches(name.lower(), known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}."
            raise ModelConfigError(f"api_keys has a key for {quote(name)}, which is no provider: {hint}")
    openai = {} if openai_api_key is None else {"openai": openai_api_key}
    given = openai | dict(api_keys)
    for name, key in given.items():
        if not isinstance(key, SecretStr):
            raise ModelConfigError(
                f"The key for {name} is a plain {type(key).__name__}; wrap it as pydantic.SecretStr(…), "
                "so that nothing prints it (it is not repeated here)."
            )
    stripped = {name: key.get_secret_value().strip() for name, key in given.items()}
    return {name: SecretStr(key) for name, key in stripped.items() if key}
