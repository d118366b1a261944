"""The graph that `langgraph dev` serves; the server brings its own checkpointer."""

from graph.build import build_graph

graph = build_graph()
