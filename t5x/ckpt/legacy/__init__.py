"""T5X's older checkpoint formats: a msgpack index with one zarr folder an array, and the single msgpack file.

Rooms: `index` (the msgpack file), `inline` (arrays inside it), `spec` (references to zarr folders), `zarr` (those
folders), `tree` (all leaves of a checkpoint), `write`. Nothing here executes what it reads, and no size that a file
claims is believed before the bytes behind it are seen. Importing this package imports none of them.
"""
