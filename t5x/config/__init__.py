"""The gin layer and what the command line does with it: where files are found, how flags are read, what is checked.

`gin_text` and `gin_files` read configs as text without importing gin, for help and for checks before any slow import.
"""
