"""Sessions on a PostgreSQL server: LangGraph's own tables, a list beside them, locks among machines."""
