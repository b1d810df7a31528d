"""A T5 decoder alone: language models and prefix language models."""
