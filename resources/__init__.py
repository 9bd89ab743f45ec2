"""Icons, themes, demo audio and set-up scripts, found with `importlib.resources.files("resources")`."""
