"""Claims about core.opus."""
