"""From SeqIO to device batches. The only room of this package that imports seqio and tensorflow."""
