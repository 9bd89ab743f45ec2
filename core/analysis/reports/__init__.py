"""What was found out about a stream, for people and for machines: terminal, JSON, JUnit XML, one HTML page."""
