"""Losses on features and on logits."""
