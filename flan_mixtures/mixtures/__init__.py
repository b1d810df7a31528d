"""Which task comes how often: rates, presets, hold-outs, and the schedule that says which row stands where."""
