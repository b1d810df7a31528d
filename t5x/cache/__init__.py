"""Offline caches of SeqIO tasks: examples are prepared once, by Apache Beam, and then read by any number of runs."""
