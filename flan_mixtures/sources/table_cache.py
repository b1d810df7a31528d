"""Arrow tables that were read last: row groups of parquet files, and arrow files.

One cache for the process, bounded in bytes, so that a mixture of 1,500 parquet tasks holds no more than that.
Enters: a key and how to read the table. Leaves: the table, and rows of it as plain Python values. Effects: its memory.
"""

from __future__ import annotations

import collections
import threading
from collections.abc import Callable, Hashable
from typing import Any

import pyarrow as pa

_MOST_BYTES = 256 * 2**20  # a row group is 1 to 100 MB in most files; the newest table is kept whatever its size
_MOST_TABLES = 4096  # a small one costs some kB of Python objects; 1,500 tasks with two splits each fit

_tables: collections.OrderedDict[Hashable, tuple[pa.Table, int]] = collections.OrderedDict()
_bytes = 0
_lock = threading.Lock()


def cached_table(key: Hashable, read: Callable[[], pa.Table], mapped: bool = False) -> pa.Table:
    """Returns the table of `key`, from `read` where it is not among those read last.

    One that is `mapped` from its file counts no bytes: the system gives its memory back where that is short.
    """
    global _bytes
    with _lock:
        if key in _tables:
            _tables.move_to_end(key)
            return _tables[key][0]
    table = read()  # outside the lock: another thread may wait for another table
    with _lock:
        _bytes -= _tables.pop(key, (None, 0))[1]  # another thread may have read it meanwhile
        _tables[key] = (table, 0 if mapped else table.nbytes)
        _bytes += _tables[key][1]
        while len(_tables) > 1 and (_bytes > _MOST_BYTES or len(_tables) > _MOST_TABLES):
            _bytes -= _tables.popitem(last=False)[1][1]
    return table


def cached_bytes() -> int:
    """Returns how many bytes the cached tables hold."""
    return _bytes


def row_of(table: pa.Table, index: int) -> dict[str, Any]:
    """Returns one row as text, numbers, lists and mappings."""
    return table.slice(index, 1).to_pylist()[0]
