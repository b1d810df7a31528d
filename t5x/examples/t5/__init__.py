"""The T5 encoder-decoder network."""
