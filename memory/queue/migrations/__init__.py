"""Packaged migrations of the queue's table."""
