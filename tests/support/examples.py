"""How many examples are tried of what takes long."""

from __future__ import annotations

from typing import Final

from hypothesis import settings

WHOLE_PLAYOUTS: Final = settings(max_examples=30, deadline=None)
"""Each example plays ten seconds or more, a tenth of a second of work. One number for all of them: raise it to search
for a while, say to 1000, after changes to the buffer."""
