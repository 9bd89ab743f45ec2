"""Style of the page, and the schema of the JSON report."""
