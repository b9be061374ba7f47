"""The core: turns a Call into a Reply.

The law of this package: it does no I/O, reads no clock but the one it is given, and takes no
chance but the one that is seeded. It imports the standard library only; `lint-imports` keeps it so.
"""
