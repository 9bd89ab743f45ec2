"""Set-up of a machine: system packages, and what a server by itself takes."""
