"""Our SQLite checkpointer: values stored once, one writer that commits in groups, readers beside it."""
