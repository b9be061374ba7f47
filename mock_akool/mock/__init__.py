"""The Python API: a fake of this process, a remote one, and what intercepts requests."""
