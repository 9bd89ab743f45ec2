"""Who may listen, and how much of the server one client may take."""
