"""What tests lean on: a sound card, a display, child processes, and the analysis of what was heard."""
