"""Instruction-tuning mixtures: sources, templates, few-shot assembly, chain of thought, mixing, evaluation tasks.

Effects: none. Importing this package registers nothing and imports no machine-learning library; the modules that
register SeqIO tasks (such as `flan_mixtures.mini.tasks`) are imported by name, from gin or from Python.
"""
