"""What a run tells the person who started it: metrics, progress, model info, curves, result tables."""
