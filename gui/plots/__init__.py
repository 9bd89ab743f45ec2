"""Plots of the last minute, painted so that they cost no audio."""
