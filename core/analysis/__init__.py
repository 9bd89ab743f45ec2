"""What is wrong with a stream, and why."""
