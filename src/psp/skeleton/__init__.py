"""What a skeleton is: layouts and clips."""
