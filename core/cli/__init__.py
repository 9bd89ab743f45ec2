"""The `opuscope` command, a file for each of its subcommands."""
