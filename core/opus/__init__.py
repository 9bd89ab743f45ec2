"""libopus: finding it, reading packets, decoding and encoding."""
