"""One module for each file format, and what several of them share: from the content of files to recordings."""
