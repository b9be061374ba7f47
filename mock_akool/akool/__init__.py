"""Akool's API on the core, by tables. Pure: the standard library only, no I/O, no clock but the one given.

api.py          routes and what answers them, when nothing goes wrong
families/       the families of jobs: each a module that says everything about its jobs
scenarios/      what goes wrong, in front of the API
engine.py       accounts, jobs, calls and webhooks under one lock; each public method is one transaction
settings.py     everything that may differ between two engines
"""
