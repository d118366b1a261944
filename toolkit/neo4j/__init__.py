"""Reading a graph in a Neo4j server."""
