"""The Python API: examples as plain dicts, without TensorFlow. `flan_mixtures` itself offers what is here."""
