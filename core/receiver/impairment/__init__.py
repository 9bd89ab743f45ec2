"""The network lab: a network made bad on purpose, between the socket and the jitter buffer."""
