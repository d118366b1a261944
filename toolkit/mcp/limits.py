"""How much a server may take: time, bytes, tools, tries."""

from __future__ import annotations

from dataclasses import dataclass, fields

from toolkit.protocol import ToolConfigError


@dataclass(frozen=True)
class McpLimits:
    """What bounds a server, whatever it does.

    Attributes:
        startup_s: Seconds until a server must have started, introduced itself and listed its tools.
        call_s: Seconds until a call is given up and the server is told so.
        close_s: Seconds that closing may take in all; a process that is still there is then ended.
        backoff_s: The pause before the first restart; it doubles with each one.
        max_restarts: How often a server is started again within `rest_s`.
        rest_s: Seconds that a server which failed more often is left alone.
        max_message_bytes: The longest message that is read.
        max_flood_bytes: What a server may send after one message of ours.
        max_tools: How many tools of one server are offered.
        max_schema_chars: The longest JSON schema of a tool's arguments; a tool with a longer one is left out.
        max_schemas_chars: The same for all tools of a server together.
        max_result_chars: The longest result that the model is shown.
    """

    startup_s: float = 30
    call_s: float = 60
    close_s: float = 10
    backoff_s: float = 0.5
    max_restarts: int = 2
    rest_s: float = 300
    max_message_bytes: int = 8_000_000
    max_flood_bytes: int = 32_000_000
    max_tools: int = 128
    max_schema_chars: int = 20_000
    max_schemas_chars: int = 200_000
    max_result_chars: int = 20_000

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            least = 0 if field.name in {"backoff_s", "max_restarts"} else 1e-3
            if not least <= value < float("inf"):
                raise ToolConfigError(f"{field.name} {value} of McpLimits must be {least:g} or more.")
