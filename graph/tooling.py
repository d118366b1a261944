"""The tools of an installation: those that the settings name, and those that a program brings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from graph.config_file import SettingsError
from graph.mcp_tools import ServerTools, open_servers
from graph.tool_services import MemorySearch, SandboxedPython
from nodes.specialists import LENT
from nodes.toolbox import Offer
from toolkit.functions import tool_of
from toolkit.inner import MEMORY_SEARCH, make_memory_search
from toolkit.protocol import AnyTool, Tool, ToolConfigError

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    from graph.settings import Settings
    from memory import Memory
    from nodes import Request, Toolbox, TurnLimits
    from providers.embedding import Embedder
    from toolkit.services import Services

Given: TypeAlias = "AnyTool | Callable[..., Any] | BaseTool"
"""What a program may bring: a tool of ours, one of LangChain's, or a plain function."""


@dataclass(frozen=True)
class Tooling:
    """What can be offered to the reasoning model; implements `nodes.Toolbox`.

    Attributes:
        installed: Each with its own name.
        lendable: What specialists bring beside them.
        memory: Where `memory_search` looks, if it is among them.
        servers: Servers of others, whose tools stand beside them.
    """

    installed: tuple[AnyTool, ...] = ()
    lendable: tuple[AnyTool, ...] = ()
    memory: MemorySearch | None = None
    servers: ServerTools | None = None

    @property
    def names(self) -> Sequence[str]:
        """What they are called; `SERVER__*` for what a server will announce."""
        return [tool.name for tool in self.installed] + (self.servers.names if self.servers else [])

    @property
    def lent(self) -> Sequence[str]:
        """What specialists bring beside them, by name."""
        return [tool.name for tool in self.lendable]

    @property
    def longest_s(self) -> float:
        """Seconds after which the most patient of all is given up."""
        own = max((tool.info.timeout_s for tool in (*self.installed, *self.lendable)), default=0.0)
        return max(own, self.servers.longest_s if self.servers else 0.0)

    async def tools(self, request: Request, *, seconds: float, anew: bool = False) -> Offer:
        """Give them for one turn: memory is that of the user whose turn it is."""
        own = [
            make_memory_search({"search_memory": self.memory.of(request)})
            if self.memory is not None and tool.info == MEMORY_SEARCH
            else tool
            for tool in (*self.installed, *self.lendable)
        ]
        offer = Offer({tool.name: tool for tool in own})
        if self.servers is None or not self.servers.are_chosen(request.tools):
            return offer
        return beside(offer, await self.servers.offer(seconds, anew=anew))

    def with_own(self, given: Sequence[Given]) -> Tooling:
        """The same and a program's own.

        Raises:
            ToolConfigError: When one cannot be a tool, or two have one name.
        """
        installed = checked([*self.installed, *map(as_tool, given)])
        names = {tool.name.casefold() for tool in installed}
        lendable = tuple(tool for tool in self.lendable if tool.name.casefold() not in names)
        return replace(self, installed=installed, lendable=lendable)


def beside(own: Offer, theirs: Offer) -> Offer:
    """Both, where no tool of others has a name of ours, in capitals or not."""
    taken = {name.casefold() for name in own.tools}
    left_out = [name for name in theirs.tools if name.casefold() in taken]
    added = {name: tool for name, tool in theirs.tools.items() if name not in left_out}
    said = [f"The tool {name} of an MCP server has the name of another one: left out." for name in left_out]
    standing = (*own.standing, *theirs.standing, *said)
    return Offer({**own.tools, **added}, (*own.notes, *theirs.notes), standing)


def close_tooling(toolbox: Toolbox | None) -> None:
    """End what was started for a toolbox of ours; it blocks. One of the program's own is left alone."""
    if isinstance(toolbox, Tooling) and toolbox.servers is not None:
        toolbox.servers.close()


def own_tooling(known: Toolbox | None, given: Sequence[Given]) -> Tooling:
    """What a program's own tools come to beside those that are there.

    Raises:
        ToolConfigError: When one cannot be a tool, two have one name, or what is there is a toolbox of the
            program's own.
    """
    if known is not None and not isinstance(known, Tooling):
        raise ToolConfigError("tools and services.tools are both given: put the tools into your toolbox.")
    told: object = given  # whatever the types say, a function alone is what people forget to put into a list
    if isinstance(told, str) or not isinstance(told, Sequence):
        raise ToolConfigError(f"tools is {told!r}: give a list of functions, such as tools=[my_function].")
    return (known or Tooling()).with_own(given)


def as_tool(given: object) -> AnyTool:
    """Make a tool of whatever a program brings.

    Raises:
        ToolConfigError: When it cannot be one.
    """
    if isinstance(given, Tool):
        return given
    from langchain_core.tools import BaseTool  # noqa: PLC0415  # heavy

    if isinstance(given, BaseTool):
        from toolkit.langchain_tools import tool_of_langchain  # noqa: PLC0415  # few need it

        return tool_of_langchain(given)
    if not callable(given):
        raise ToolConfigError(f"tools holds {given!r}: give functions, or tools that make() made.")
    return tool_of(given)


def checked(tools: Sequence[AnyTool]) -> tuple[AnyTool, ...]:
    """The same, each with a name of its own, and described once so that no turn finds out that it cannot be.

    Raises:
        ToolConfigError: When two have one name, in capitals or not.
    """
    known: dict[str, AnyTool] = {}
    for tool in tools:
        tool.as_schema()
        if (other := known.setdefault(tool.name.casefold(), tool)) is not tool:
            raise ToolConfigError(
                f"Two tools are called {tool.name} ({other.info.category} and {tool.info.category}): "
                "give one of them another name, or leave one out."
            )
    return tuple(tools)


def open_tooling(
    settings: Settings, memory: Memory | None = None, embedder: Embedder | None = None
) -> Tooling | None:
    """Make the tools that the settings name; nothing is contacted yet.

    Args:
        settings: What an installation chooses.
        memory: Where `memory_search` looks; without one it says that there is none.
        embedder: Turns what is looked for into a vector; None where words alone are compared.

    Returns:
        None where none is named.

    Raises:
        SettingsError: When one is unknown, cannot be used here, or lacks what it needs; when a file of
            servers is not trusted.
    """
    servers, lent = open_servers(settings), lendable(settings)
    if not settings.tools and not lent:
        return Tooling(servers=servers) if servers is not None else None
    from graph.memory import remembering_of  # noqa: PLC0415  # few need them
    from toolkit.registry import make  # noqa: PLC0415  # the same
    from toolkit.web.policy import WebPolicy  # noqa: PLC0415  # the same

    search = MemorySearch(memory, remembering_of(settings), embedder)
    services: Services = {"run_python": SandboxedPython(settings), "search_memory": search.nobody}
    if settings.tool_roots:
        services["file_roots"] = list(settings.tool_roots)
    try:
        if settings.tool_hosts:
            services["web"] = WebPolicy(hosts=tuple(settings.tool_hosts))
        for name in settings.tools:
            _check(name, settings)
        made = [make(name, **services) for name in dict.fromkeys(settings.tools)]
        brought = tuple(make(name, **services) for name in lent)
        return Tooling(checked(made), brought, search, servers)
    except ToolConfigError as error:
        raise SettingsError(f"The setting tools cannot be used: {error}") from None


def lendable(settings: Settings) -> list[str]:
    """The tools that specialists bring and that can be used here, beside those that the settings name."""
    from toolkit.needs import unavailable  # noqa: PLC0415  # few need them
    from toolkit.registry import TOOLS  # noqa: PLC0415  # the same

    if not settings.specialist_tools:
        return []
    own = set(settings.tools) | ({"run_python"} if settings.sandbox == "none" else set())
    return [name for name in sorted(LENT) if name not in own and unavailable(TOOLS[name].info) is None]


def _check(name: str, settings: Settings) -> None:
    """Say what is missing by the names that settings have.

    Raises:
        ToolConfigError: When the tool lacks a setting that it needs.
    """
    from toolkit.registry import TOOLS  # noqa: PLC0415  # few need it

    row = TOOLS.get(name)
    needed = row.info.services if row is not None else ()
    for service, setting, example in (
        ("file_roots", "tool_roots", "a folder that may be read"),
        ("web", "tool_hosts", "the hosts that pages may be fetched from"),
    ):
        if service in needed and not getattr(settings, setting):
            raise ToolConfigError(f"{name} needs the setting {setting}: name {example}.")
    if name == "run_python" and settings.sandbox == "none":
        raise ToolConfigError("run_python needs a sandbox, and the setting sandbox is 'none': choose one.")


def with_tools(limits: TurnLimits, toolbox: Toolbox | None) -> TurnLimits:
    """The limits of an installation, which can use rounds of tool calls only where it offers tools."""
    if toolbox is None:
        return limits.model_copy(update={"has_tools": False, "lends_tools": False})
    has, lends = bool(toolbox.names), bool(toolbox.lent)
    return limits.model_copy(update={"has_tools": has, "lends_tools": lends})


def longest_call(toolbox: Toolbox | None) -> float:
    """Seconds that one tool call may take."""
    return toolbox.longest_s if toolbox is not None else 0.0
