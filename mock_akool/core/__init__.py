"""The core: an engine for faking any asynchronous HTTP job API, which knows none in particular.

The design rule of this package: it does no I/O, reads no clock but the one it is given, and draws nothing but from the
seed. It imports the standard library only; `lint-imports` keeps it so.
"""
