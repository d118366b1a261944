"""Memory in a Neo4j server."""

from memory.neo4j.store import Neo4jMemory, open_memory

__all__ = ["Neo4jMemory", "open_memory"]
