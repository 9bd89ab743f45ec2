"""Inputs of every kind that a stranger may send to the server, for the tests and for as long as one likes."""
