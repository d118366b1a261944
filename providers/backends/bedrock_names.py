"""How models are called on Bedrock: bare ids, ids of inference profiles, ARNs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from providers.protocol import ModelConfigError

if TYPE_CHECKING:
    from collections.abc import Collection

PREFIXES = ("us-gov", "us", "eu", "apac", "jp", "au", "ca", "in", "sa", "amer", "global")
# Which inference profiles serve a region, nearest first; the first part of its name that fits decides.
_PROFILES_OF_REGION = (
    ("us-gov-", ("us-gov",)),
    ("us-", ("us", "global")),
    ("ca-", ("ca", "us", "global")),
    ("eu-", ("eu", "global")),
    ("ap-northeast-1", ("jp", "apac", "global")),
    ("ap-northeast-3", ("jp", "apac", "global")),
    ("ap-southeast-2", ("au", "apac", "global")),
    ("ap-southeast-4", ("au", "apac", "global")),
    ("ap-south-", ("in", "apac", "global")),
    ("ap-", ("apac", "global")),
    ("", ("global",)),
)
_ARN = re.compile(
    r"arn:aws[a-z-]*:(?:bedrock|sagemaker):(?P<region>[a-z0-9-]*):(?:\d{12})?:(?P<kind>[a-z-]+)/(?P<id>[^#]+)"
)
# The ARNs that end with the id of their model; behind the others may be any.
_TELLING = ("foundation-model", "inference-profile")


@dataclass(frozen=True, slots=True)
class BedrockName:
    """What a model string asks Bedrock for.

    Attributes:
        asked: The id or ARN that is sent.
        behind: The id of the model that answers, a profile's prefix before it; empty when nobody says.
        region: The ARN's own region, or empty.
        by_the_hour: Whether it is throughput that was bought, which no price per token is about.
    """

    asked: str
    behind: str
    region: str = ""
    by_the_hour: bool = False


def read_name(text: str) -> BedrockName:
    """Read the model part of a `bedrock:` string.

    Args:
        text: An id, or an ARN, behind which `#MODEL` may say what model it stands for.

    Raises:
        ModelConfigError: When the ARN is none, or something other than an ARN has a `#`.
    """
    asked, mark, behind = text.partition("#")
    if not asked.startswith("arn:"):
        if mark:
            raise ModelConfigError(f"bedrock:{text}: only an ARN may say with # what model is behind it.")
        return BedrockName(asked, asked)
    found = _ARN.fullmatch(asked)
    if found is None or (mark and not behind):
        raise ModelConfigError(
            f"bedrock:{text} is not an ARN of Bedrock; write it as the console shows it, such as "
            "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/ID, and #MODEL behind it "
            "to say what model it is."
        )
    kind = found["kind"]
    told = found["id"] if kind in _TELLING else ""
    return BedrockName(asked, behind or told, found["region"], by_the_hour=kind == "provisioned-model")


def bare(model: str) -> str:
    """Take the prefix of an inference profile from a model's id."""
    prefix, _, rest = model.partition(".")
    return rest if prefix in PREFIXES else model


def profile_id(model: str, region_name: str, known: Collection[str]) -> str:
    """Bring a bare model id to the inference profile that serves it in a region.

    Args:
        model: The id as the user wrote it; one with a prefix, and an ARN, is left alone.
        region_name: Such as `eu-central-1`.
        known: All ids that are known.

    Returns:
        The id to ask for.

    Raises:
        ModelConfigError: When the model has profiles, but none that serves this region.
    """
    if model.startswith("arn:") or model.partition(".")[0] in PREFIXES:
        return model
    offered = [prefix for prefix in PREFIXES if f"{prefix}.{model}" in known]
    serving = next(prefixes for start, prefixes in _PROFILES_OF_REGION if region_name.startswith(start))
    found = next((prefix for prefix in serving if prefix in offered), None)
    if found:
        return f"{found}.{model}"
    # Claude has never been served by its bare id since version 3.5; others may be, in one region or another.
    if offered and model.startswith("anthropic."):
        raise ModelConfigError(
            f"bedrock:{model} has no inference profile for {region_name}; "
            f"there are {', '.join(f'{prefix}.{model}' for prefix in offered)}: name one with its region."
        )
    return model
