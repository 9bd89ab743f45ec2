"""Tests of the window and its view models."""
