"""Memory as a graph to look at: records, what they are about, and where they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from pydantic import BaseModel, ConfigDict

from memory.mermaid import Arrow, Box, flowchart
from memory.places import place
from memory.records import Kind, Selection

if TYPE_CHECKING:
    from memory.protocol import Memory
    from memory.records import Item, Record

MAX_LABEL_CHARS: Final = 60
"""The longest text of a node, in characters."""

NodeKind = Kind | Literal["archive", "entity", "session", "source"]
"""What a node is: a kind of record, or what records have in common."""

EdgeKind = Literal["from", "said by", "in", "mentions", "superseded by"]
"""`from`: the session that a record comes from. `said by`: who told it, the user or a model. `in`: a chunk's
archive. `mentions`: an entity that it is about. `superseded by`: the fact that took its place."""

_SHAPES: Final[dict[NodeKind, tuple[str, str]]] = {
    "insight": ("([", "])"),
    "pattern": ("([", "])"),
    "episode": ("(", ")"),
    "archive": ("[(", ")]"),
    "entity": ("{{", "}}"),
    "session": ("[(", ")]"),
    "source": (">", "]"),
}
_ARROWS: Final[dict[EdgeKind, str]] = {"superseded by": "==>", "mentions": "-.->", "in": "-.->"}
_COLOURS: Final[dict[str, str]] = {
    "fact": "fill:#dbeafe,stroke:#1d4ed8,color:#111",
    "insight": "fill:#dcfce7,stroke:#15803d,color:#111",
    "pattern": "fill:#ecfccb,stroke:#4d7c0f,color:#111",
    "episode": "fill:#fef9c3,stroke:#a16207,color:#111",
    "chunk": "fill:#f3e8ff,stroke:#7e22ce,color:#111",
    "archive": "fill:#f3f4f6,stroke:#4b5563,color:#111",
    "entity": "fill:#ffe4e6,stroke:#be123c,color:#111",
    "session": "fill:#f3f4f6,stroke:#4b5563,color:#111",
    "source": "fill:#f3f4f6,stroke:#4b5563,color:#111",
    "replaced": "fill:#fff,stroke:#9ca3af,color:#6b7280,stroke-dasharray:4",
}


class GraphNode(BaseModel):
    """A record, or what records have in common.

    Attributes:
        id: Of the record; else its kind and its name.
        kind: What it is.
        text: In one line, clipped.
        is_current: False for a fact that was superseded.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    kind: NodeKind
    text: str
    is_current: bool = True


class GraphEdge(BaseModel):
    """What one node has to do with another one.

    Attributes:
        start: The id of a node, always of a record.
        end: The id of a node.
        kind: What it means, read from `start` to `end`.
    """

    model_config = ConfigDict(frozen=True)

    start: str
    end: str
    kind: EdgeKind


class MemoryGraph(BaseModel):
    """Memory as a graph; the same for every backend. A notebook shows it as a drawing.

    Attributes:
        nodes: Records in the order of `list`, then what they have in common.
        edges: Between these nodes alone, nothing twice.
        is_whole: False where `limit` left records out.
    """

    model_config = ConfigDict(frozen=True)

    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]
    is_whole: bool

    def draw_mermaid(self) -> str:
        """The graph in the language of Mermaid, which JupyterLab, GitHub and many editors draw."""
        boxes = [
            Box(node.text, _SHAPES.get(node.kind, ("[", "]")), node.kind if node.is_current else "replaced")
            for node in self.nodes
        ]
        place_of = {node.id: number for number, node in enumerate(self.nodes)}
        arrows = [
            Arrow(place_of[edge.start], place_of[edge.end], edge.kind, _ARROWS.get(edge.kind, "-->"))
            for edge in self.edges
        ]
        return flowchart(boxes, arrows, _COLOURS)

    def _repr_markdown_(self) -> str:
        """What Jupyter shows when a cell ends with it."""
        drawing = f"```mermaid\n{self.draw_mermaid()}\n```"
        return drawing if self.is_whole else f"{drawing}\n\nThere is more: select less, or raise the limit."


async def memory_graph(
    memory: Memory, namespace: str, selection: Selection | None = None, *, limit: int = 100
) -> MemoryGraph:
    """Give what is selected as a graph.

    Args:
        memory: Any backend.
        namespace: Whose.
        selection: Which records; all when left out.
        limit: How many records at most, oldest first.

    Raises:
        MemoryStoreError: When memory cannot be read.
        ValueError: When the limit is below 1.
    """
    if limit < 1:
        raise ValueError(f"The limit is {limit}: a graph has 1 record or more.")
    items = await memory.list(namespace, selection or Selection(), limit=limit + 1)
    builder = _Builder()
    for item in items[:limit]:
        builder.add(item)
    return builder.graph(is_whole=len(items) <= limit)


class _Builder:
    """Collects nodes and edges, each once."""

    def __init__(self) -> None:
        self._records: dict[str, GraphNode] = {}
        self._others: dict[str, GraphNode] = {}
        self._edges: dict[GraphEdge, None] = {}

    def add(self, item: Item) -> None:
        record = item.record
        text = clipped(_title(record))
        self._records[item.id] = GraphNode(
            id=item.id, kind=record.kind, text=text, is_current=item.valid_to is None
        )
        for name in record.entities:
            self._join(item.id, "mentions", "entity", name.casefold(), name)
        if record.path:
            self._join(item.id, "in", "archive", record.archive, f"archive {record.archive}")
            return  # the place says the file, and no session told it
        for origin in item.origins:
            if origin.session:
                self._join(item.id, "from", "session", origin.session, f"session {origin.session[:8]}")
            if origin.source:
                self._join(item.id, "said by", "source", origin.source, origin.source)
        if item.superseded_by is not None:
            self._edges[GraphEdge(start=item.id, end=item.superseded_by, kind="superseded by")] = None

    def graph(self, *, is_whole: bool) -> MemoryGraph:
        """What was collected; no edge leads to what was left out."""
        nodes = self._records | self._others
        edges = tuple(edge for edge in self._edges if edge.end in nodes)
        return MemoryGraph(nodes=tuple(nodes.values()), edges=edges, is_whole=is_whole)

    def _join(self, start: str, edge: EdgeKind, kind: NodeKind, name: str, text: str) -> None:
        end = f"{kind} {name}"  # with a blank, which no record's id has
        self._others.setdefault(end, GraphNode(id=end, kind=kind, text=clipped(text)))
        self._edges[GraphEdge(start=start, end=end, kind=edge)] = None


def _title(record: Record) -> str:
    """What a record is called: a chunk's place says more than how it begins."""
    return f"{place(record)}: {record.text}" if record.path else record.text


def clipped(text: str) -> str:
    """A text in one line of at most `MAX_LABEL_CHARS`."""
    line = " ".join(text.split())
    return line if len(line) <= MAX_LABEL_CHARS else f"{line[: MAX_LABEL_CHARS - 1].rstrip()}…"
