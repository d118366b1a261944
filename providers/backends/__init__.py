"""The models' own APIs: each backend's client, its table row's `build`, and what it needs on the way."""
