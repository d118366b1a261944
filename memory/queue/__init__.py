"""The durable queue of work behind the answer."""
