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
_MOST_TABLES = 512  # small ones cost more in Python objects than in bytes

_tables: collections.OrderedDict[Hashable, pa.Table] = collections.OrderedDict()
_lock = threading.Lock()


def cached_table(key: Hashable, read: Callable[[], pa.Table]) -> pa.Table:
    """Returns the table of `key`, from `read` where it is not among those read last."""
    with _lock:
        if key in _tables:
            _tables.move_to_end(key)
            return _tables[key]
    table = read()  # outside the lock: another thread may wait for another table
    with _lock:
        _tables[key] = table
        while len(_tables) > 1 and (cached_bytes() > _MOST_BYTES or len(_tables) > _MOST_TABLES):
            _tables.popitem(last=False)
    return table


def cached_bytes() -> int:
    """Returns how many bytes the cached tables hold."""
    return sum(table.nbytes for table in _tables.values())


def row_of(table: pa.Table, index: int) -> dict[str, Any]:
    """Returns one row as text, numbers, lists and mappings."""
    return table.slice(index, 1).to_pylist()[0]
