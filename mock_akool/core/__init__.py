"""The core: turns a Request into a Response.

The law of this package: it does no I/O, reads no clock but the one it is given, and takes no
chance but the one that is seeded. It imports the standard library only; `lint-imports` keeps it so.
"""
