"""Recordings of what a service answered: how they are redacted, written and read, and how they are answered again.

redaction.py  what is secret, and what stands for it
bodies.py     bodies of requests and responses as a recording keeps them
calls.py      one recorded call, as JSON and back
folder.py     a recording as a folder of files
matching.py   which recorded response a request gets
"""
