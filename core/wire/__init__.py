"""How bytes on a socket become media packets. Pure: no sockets and no clock, so a recorded transcript is a test."""
