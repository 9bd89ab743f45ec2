"""The window: shows what `core` knows and passes on what the user wants."""
