"""Icons. The PNG files are rendered from opuscope.svg (``python -m resources.icons.render``)."""
