"""Which tasks there are, and how the records of each one's data set become rows. Declarations are data files."""
