"""The commands of `flan-mixtures`, one file each, and what they share. Effects: none on import."""
