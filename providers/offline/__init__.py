"""The embedded default model: answers from a cookbook, without key, network or weights."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from providers.offline.cookbook import Cookbook
    from providers.offline.model import OfflineChatModel

__all__ = ["Cookbook", "OfflineChatModel"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module's attribute can be anything
    """Import the model only when it is used, since it pulls in langchain-core."""
    if name == "OfflineChatModel":
        from providers.offline.model import OfflineChatModel  # noqa: PLC0415 - heavy

        return OfflineChatModel
    if name == "Cookbook":
        from providers.offline.cookbook import Cookbook  # noqa: PLC0415 - reached only when asked for

        return Cookbook
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
