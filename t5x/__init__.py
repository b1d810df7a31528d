"""An independent implementation of T5X's public interface on current JAX.

Importing this package imports nothing else; every room is imported by the code that needs it.
"""

__version__ = "0.1.0"
