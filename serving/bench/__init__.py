"""`duograph bench`: how often each mode is right on a file of tasks, and what that costs."""

MODES = ("solo", "split", "split+verify", "full")
"""From one call of the coding model to the stock graph; each mode adds one thing to the one before."""
