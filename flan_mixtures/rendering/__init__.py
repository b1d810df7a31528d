"""From a row to a prompt and its target: pure functions of (row, template, style, exemplars, seed), in plain Python."""
