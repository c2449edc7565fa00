"""Training: configuration, presets, the training loop, checkpoints and run folders."""
