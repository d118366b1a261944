"""Opens Bedrock's blocking client, where it is promised without asking anybody for credentials."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.loaders import Loader, create_loader
from langchain_aws.utils import _StaticTokenProvider, create_aws_client

from providers.protocol import ModelConfigError

if TYPE_CHECKING:
    from pydantic import SecretStr

_KEPT_HERE = ("env", "shared-credentials-file", "config-file", "ec2-credentials-file", "boto-config")
"""Of botocore's sources of credentials those that are read on this machine. Roles, single sign-on, web
identities and metadata services are asked over the network, and a process may do anything."""


def open_client(
    region: str, endpoint: str | None, key: SecretStr | None, *, local_only: bool = False
) -> tuple[Any, Any]:
    """Open the client; it has a session of its own, for boto3's default one keeps its first credentials.

    Args:
        region: Such as `us-east-1`.
        endpoint: Another address than the region's own.
        key: A Bedrock API key; without one AWS credentials sign the requests.
        local_only: Whether nothing may leave this machine, not even the question for credentials.

    Returns:
        The client, and what it signs with: botocore's credentials, or None with a key or without any.

    Raises:
        ModelConfigError: When `local_only` is wanted and this machine keeps no credentials.
    """
    options: dict[str, Any] = {
        "service_name": "bedrock-runtime",
        "region_name": region,
        "endpoint_url": endpoint,
        "config": Config(retries={"total_max_attempts": 1, "mode": "standard"}),
    }
    session = _local_session(key) if local_only else _boto_session(_session())
    if local_only:
        client = session.client(**options | {"config": _local_config(options["config"], key)})
    else:
        client = create_aws_client(**options, api_key=key) if key else session.client(**options)
    return client, None if key else session.get_credentials()


def _session() -> botocore.session.Session:
    session = botocore.session.get_session()
    session.register_component("data_loader", _descriptions(session.get_config_variable("data_path")))
    return session


def _boto_session(session: botocore.session.Session) -> boto3.Session:
    made = boto3.Session(botocore_session=session)
    # Each session adds boto3's folder to the one list of the loader that they share.
    paths = session.get_component("data_loader").search_paths
    paths[:] = dict.fromkeys(paths)
    return made


@cache
def _descriptions(data_path: str | None) -> Loader:
    """AWS's description of its services, which changes with the package only: read once, not 0.1 s a client.

    Args:
        data_path: Other folders that hold some, as AWS's settings name them.
    """
    return create_loader(data_path)


def _local_session(key: SecretStr | None) -> boto3.Session:
    session = _session()
    credentials = session.get_component("credential_provider")
    credentials.providers = [each for each in credentials.providers if each.METHOD in _KEPT_HERE]
    tokens = session.get_component("token_provider")
    # As langchain-aws gives a key to botocore, which has no public way for it.
    tokens._providers = [_StaticTokenProvider(key.get_secret_value())] if key else []  # noqa: SLF001
    if key is None and session.get_credentials() is None:
        raise ModelConfigError(
            "prefer is local_only, so AWS credentials are taken from this machine only, and there are none; "
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write them into ~/.aws/credentials."
        )
    return _boto_session(session)


def _local_config(config: Config, key: SecretStr | None) -> Config:
    # The mode "auto" would ask the metadata service where this machine stands.
    config = config.merge(Config(defaults_mode="legacy"))
    return config if key is None else config.merge(Config(auth_scheme_preference="httpBearerAuth"))
