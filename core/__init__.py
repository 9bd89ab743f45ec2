"""The engine of Opuscope: everything but the window. Nothing in here imports Qt."""
