"""Servers that are measured. Each is a script: ``python benchmarks/subjects/NAME.py PORT``."""
