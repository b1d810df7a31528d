"""Chain-of-thought rows rendered as training tasks: a rationale and then the answer, or the answer alone."""
