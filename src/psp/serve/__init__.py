"""Pages that are served to browsers on this machine only."""
