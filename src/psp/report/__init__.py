"""Reports that compare training runs."""
