"""The training loop, its basis and its checkpoints."""
