"""Skeleton layouts, recordings and clips."""
