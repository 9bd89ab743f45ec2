"""The reference server: live Opus audio over WebSocket, bare or as `opus-rtp.v1`."""
