"""Nested frozen configurations: from YAML, from the command line, from runs of earlier versions."""
