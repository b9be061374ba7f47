"""One module per resource: its rows of the table, what they take and answer, and what they do.

A handler takes an AdminRequest and returns plain data. It raises before it changes anything.
"""
