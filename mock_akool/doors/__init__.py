"""Doors carry calls in and replies out: each in its own medium, all by the same `Service`."""
