"""Models without the graph: one at a time, or all the roles behind a manager."""
