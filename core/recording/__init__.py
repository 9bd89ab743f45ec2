"""What is kept of a stream: its very packets, what was heard, and captures that others can open."""
