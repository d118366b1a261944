"""Draw the README's picture from the graph itself.

uv run python docs/draw_graph.py | dot -Tsvg > docs/graph.svg
"""

from graph.build import build_graph
from graph.settings import Settings

_ROLES = {
    "recall": "memory, no model",
    "knowledge": "memory",
    "reason": "reasoning model",
    "consent": "a person",
    "tools": "bounded, no model",
    "approve": "a person",
    "code": "coding model",
    "verify": "sandbox, no model",
    "review": "evidence decides",
    "demonstrate": "sandbox, no model",
    "enrich": "queue, no model",
}
_LABELS = {
    ("review", "code"): " repair (bounded)",
    ("recall", "verify"): " code review",
    ("recall", "knowledge"): " about memory",
    ("reason", "approve"): " if wanted",
    ("reason", "consent"): " may change something",
    ("tools", "reason"): " bounded",
}

_BACK = {("review", "code"), ("tools", "reason")}


def dot() -> str:
    """The graph in Graphviz's language, left to right, conditional edges dashed."""
    drawn = build_graph(Settings()).get_graph()
    lines = [
        "digraph duograph {",
        '  rankdir=LR; bgcolor="transparent"; nodesep=0.35; ranksep=0.4;',
        '  node [shape=box, style="rounded,filled", fillcolor="#eef3fb", color="#4a6fa5"];',
        '  node [fontname="Helvetica", fontsize=12];',
        '  edge [color="#5f6b7a", fontname="Helvetica", fontsize=10, arrowsize=0.7];',
    ]
    for name in drawn.nodes:
        if name.startswith("__"):
            text = "START" if "start" in name else "END"
            lines.append(f'  {name} [label="{text}", shape=plaintext, fillcolor="none", style=""];')
        else:
            role = f"\\n{_ROLES[name]}" if name in _ROLES else ""
            lines.append(f'  {name} [label="{name}{role}"];')
    for edge in drawn.edges:
        style = ', style="dashed"' if edge.conditional else ""
        back = ', color="#b3541e", penwidth=1.6' if (edge.source, edge.target) in _BACK else ""
        label = _LABELS.get((edge.source, edge.target), "")
        lines.append(f'  {edge.source} -> {edge.target} [label="{label}"{style}{back}];')
    return "\n".join([*lines, "}"])


if __name__ == "__main__":
    print(dot())
