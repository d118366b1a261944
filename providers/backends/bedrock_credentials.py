"""Says which AWS credentials sign a model's requests, and whether they still hold; never shows them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from providers.backends.bedrock import KEY_VARIABLE, server
from providers.scrub import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from providers.backend import ModelSpec, Wiring

ADVICE = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or log in with `aws sso login`, "
    f"or set a Bedrock API key in {KEY_VARIABLE}."
)

_SOURCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "env": "the environment (AWS_ACCESS_KEY_ID)",
        "shared-credentials-file": "the AWS credentials file, profile {profile}",
        "config-file": "the AWS configuration file, profile {profile}",
        "custom-process": "the process of profile {profile}",
        "assume-role": "a role that profile {profile} assumes",
        "assume-role-with-web-identity": "a web identity's role",
        "sso": "single sign-on, profile {profile}",
        "login": "`aws login`, profile {profile}",
        "container-role": "the container's role",
        "iam-role": "the machine's role",
    }
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What signs the requests.

    Attributes:
        source: Where it comes from, in words; empty when there is nothing.
        expires: When it stops to hold, where that can be told without asking AWS.
        problem: Why it does not hold, one sentence without secrets; empty when nothing is known against it.
    """

    source: str = ""
    expires: datetime | None = None
    problem: str = ""


def find_credentials(spec: ModelSpec, wiring: Wiring, now: datetime) -> Credentials:
    """Look for credentials as the AWS tools do; it may ask a container's or machine's own service, never AWS.

    Args:
        spec: The model.
        wiring: Its key, a Bedrock API key, goes before everything else.
        now: To tell what has expired.
    """
    if server(spec, wiring).key is not None:
        return Credentials(
            "the settings (api_keys)" if "bedrock" in wiring.keys else f"the environment ({KEY_VARIABLE})"
        )
    import botocore.session  # noqa: PLC0415 - heavy
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - heavy

    session = botocore.session.Session()
    profile = session.get_config_variable("profile") or "default"
    try:
        found = session.get_credentials()
        if found is None:
            return Credentials(problem=f"no AWS credentials were found; {ADVICE}")
        source = _SOURCES.get(found.method, str(found.method)).format(profile=profile)
        expires = _sso_end(session) if found.method == "sso" else _end(found)
    except BotoCoreError as error:
        said = one_line(f"{type(error).__name__}: {error}", tuple(_secrets()))
        return Credentials(problem=f"the AWS credentials cannot be read ({said}); {ADVICE}")
    if expires is not None and expires <= now:
        how = f"run: aws sso login --profile {profile}" if found.method == "sso" else ADVICE
        return Credentials(source, expires, f"the credentials expired at {expires:%Y-%m-%d %H:%M} UTC; {how}")
    return Credentials(source, expires)


def _end(credentials: Any) -> datetime | None:  # noqa: ANN401 - of botocore, which has no types
    # Those that renew themselves expire now and then, and nobody needs to know.
    found = getattr(credentials, "_expiry_time", None) if credentials.method == "env" else None
    return _utc(found) if isinstance(found, datetime) else None


def _sso_end(session: Any) -> datetime | None:  # noqa: ANN401
    """Read from its cache until when the login holds; one that was never made has ended long ago."""
    from botocore.exceptions import SSOTokenLoadError  # noqa: PLC0415 - heavy
    from botocore.utils import JSONFileCache, SSOTokenLoader  # noqa: PLC0415 - heavy

    scoped = session.get_scoped_config()
    name = scoped.get("sso_session")
    url = scoped.get("sso_start_url") or session.full_config.get("sso_sessions", {}).get(name, {}).get(
        "sso_start_url", ""
    )
    cache = JSONFileCache(os.path.join(os.path.expanduser("~"), ".aws", "sso", "cache"))  # noqa: PTH111, PTH118
    try:
        until = SSOTokenLoader(cache)(url, session_name=name)["expiresAt"]
    except SSOTokenLoadError:
        return datetime.fromtimestamp(0, UTC)
    try:
        return _utc(datetime.fromisoformat(str(until)))
    except ValueError:
        return None


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _secrets() -> list[str]:
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    return [value for name in names if (value := os.environ.get(name))]
