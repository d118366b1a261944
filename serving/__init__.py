"""Placeholder, written with the room."""
