"""What `Agent.astream` yields while a turn runs."""

from dataclasses import dataclass

from nodes import Result, ToolUse
from sandbox import Check


@dataclass(frozen=True, slots=True)
class Started:
    """The turn has begun."""

    thread_id: str
    run_id: str


@dataclass(frozen=True, slots=True)
class NodeStarted:
    """A node is at work."""

    node: str


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a model's text as it comes; never its hidden reasoning."""

    node: str
    text: str


@dataclass(frozen=True, slots=True)
class Restarted:
    """The tokens of this node so far are void, and the answer starts anew.

    A model broke off in the middle of its answer, or a closing `</think>` without an opening one showed that
    all before it was thinking.

    Attributes:
        node: The node at work.
        reason: Which model, and how it failed, such as `openai:gpt-5.4: cut_stream`; or that it was thinking.
    """

    node: str
    reason: str


@dataclass(frozen=True, slots=True)
class Checked:
    """The sandbox has finished one check."""

    check: Check


@dataclass(frozen=True, slots=True)
class ToolStarted:
    """A tool is called. Calls of one round run side by side.

    Attributes:
        id: Of the call.
        name: The tool.
        arguments: As JSON, clipped; what a model wrote.
    """

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolFinished:
    """A call of a tool has ended; what it gave is in `use`, clipped, and is data."""

    use: ToolUse


@dataclass(frozen=True, slots=True)
class Noted:
    """Something that the caller should know before the turn goes on."""

    text: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The turn has ended."""

    result: Result


Event = Started | NodeStarted | Noted | Token | Restarted | ToolStarted | ToolFinished | Checked | Finished
