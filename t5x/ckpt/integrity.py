"""Checksums of a checkpoint's stored pieces, so that damaged data is an error and not a different model.

Nothing in Orbax's files tells a changed bit in an array from the value that was saved: a chunk with one flipped bit
decodes without complaint. So each save records the CRC-32 of every stored piece beside them, in `state/_CHECKSUMS`,
which other readers ignore; each restore compares those of the leaves it needs. A checkpoint without the record, such as
T5X's own, is checked for missing and truncated pieces only.
Enters: the `state` folder. Effects: reads its files, writes one.
"""

from __future__ import annotations

import collections
import json
import zlib
from collections.abc import Iterable

from etils import epath

from t5x.ckpt import stored

RECORD = "_CHECKSUMS"


def write_checksums(state_folder: epath.Path) -> None:
    """Records the checksum of every piece stored below `state_folder`, as `{key: crc32}`.

    Raises:
      OSError: what has just been written cannot be read back.
    """
    store = stored.open_store(state_folder)
    record = {}
    for key, content in stored.pieces(store, stored.keys_of(store)):
        if isinstance(content, stored.DamagedPieceError):
            raise OSError(f"what was written cannot be read back: {content}")
        record[key] = zlib.crc32(content)
    (state_folder / RECORD).write_text(json.dumps(record))


def find_damaged(state_folder: epath.Path, leaves: Iterable[str], shard: tuple[int, int] = (0, 1)) -> dict[str, str]:
    """Returns what is wrong with each damaged leaf, by name; an empty dict where all are as they were saved.

    Args:
      state_folder: the `state` folder of a checkpoint.
      leaves: `/`-joined names of the leaves to check; a name that the checkpoint does not have is passed over.
      shard: (index, count): check every count-th piece only, for several processes that share the work.

    Raises:
      ValueError: the index of the store or the record of checksums is damaged itself.
    """
    record_file = state_folder / RECORD
    recorded = json.loads(record_file.read_text()) if record_file.exists() else {}
    store = stored.open_store(state_folder)
    keys_by_leaf = collections.defaultdict(set)
    for key in [*stored.keys_of(store), *recorded]:
        keys_by_leaf[key.rpartition("/")[0]].add(key)
    owner = {key: leaf for leaf in leaves for key in keys_by_leaf.get(stored.leaf_key(leaf), ())}
    index, count = shard
    damage: dict[str, str] = {}
    for key, content in stored.pieces(store, sorted(owner)[index::count]):
        if isinstance(content, stored.DamagedPieceError):
            damage.setdefault(owner[key], str(content))
        elif recorded.get(key) not in (None, zlib.crc32(content)):
            damage.setdefault(owner[key], f"{key} is not what was saved, its checksum differs")
    return damage
