"""MLX models in this process: our engine over mlx-lm; see `README.md`."""
