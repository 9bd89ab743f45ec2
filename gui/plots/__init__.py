"""Plots of the last ten minutes, painted so that they cost no audio."""
