"""Explains what a fake saw: the jobs and calls of a test, the mistakes of its client, and why a rule was never used."""
