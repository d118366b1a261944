"""Files inside allowed folders: list, read and search them, and nothing outside."""
