"""Secrets that a configuration names, but does not hold: they stand in a file or in an environment variable."""

from __future__ import annotations

import os
from pathlib import Path


def read_token(file: Path | None, variable: str | None, what: str) -> str | None:
    """The token in a file or in an environment variable, without white space around it; ``None`` if neither is named.

    Raises:
        ValueError: not to be read, or empty; one line that begins with ``what``, and never holds the token.
    """
    if file is not None:
        try:
            token = file.read_text("utf-8").strip()
        except OSError as error:
            raise ValueError(f"{what}: the token file {str(file)!r} cannot be read ({error.strerror})") from error
        except UnicodeDecodeError as error:
            raise ValueError(f"{what}: the token file {str(file)!r} is not UTF-8 text") from error
        where = f"the token file {str(file)!r}"
    elif variable is not None:
        token = os.environ.get(variable, "").strip()
        where = f"the environment variable {variable!r}"
    else:
        return None
    if not token:
        raise ValueError(f"{what}: {where} holds no token; put one there, or take the option away")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError(f"{what}: {where} holds more than one word of ASCII; a token is a single one (RFC 6750 §2.1)")
    return token
