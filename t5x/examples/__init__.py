"""Networks under T5X's paths."""
