"""From a batch to features."""
