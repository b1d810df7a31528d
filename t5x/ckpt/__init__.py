"""Checkpoints: what is saved when, how it lies on disk, how it comes back.

Rooms: `config` (what gin binds), `schedule` (when to save), `which` (where a run starts from), `layout` and `discovery`
(what lies in a folder), `save`, `restore`, `dataset_state`, `assignment`. Importing this package imports none of them.
"""
