"""From a stored data set to batches of modalities."""
