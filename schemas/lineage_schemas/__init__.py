"""The ground: records, identifiers, bytes, errors, and what answers look like.

Import from the module that defines a thing. Nothing here does I/O, and nothing here imports more
than msgspec and the standard library.
"""
