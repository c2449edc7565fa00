"""Readers: from foreign files to recordings."""
