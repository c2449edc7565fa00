"""Losses: from features and logits to numbers to minimise."""
