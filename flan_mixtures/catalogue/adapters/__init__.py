"""Small functions that bring a record into the shape that a declaration's field names can describe.

One module each, named in declarations as `adapter = "<module>"`, with one pure function `adapt(record)`. It returns the
record with fields added or replaced, or None to leave the record out; only a module with `LEAVES_OUT = True` does that.
"""
