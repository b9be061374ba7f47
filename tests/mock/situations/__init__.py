"""Situations from public bug reports of other mocks, against the real libraries; each names the issue it is from."""
