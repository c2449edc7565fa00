"""What is measured, one file a measurement: each returns a dictionary that can be written as JSON."""
