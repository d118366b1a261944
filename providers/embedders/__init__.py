"""One embedding model's own API: texts of one request into vectors."""
