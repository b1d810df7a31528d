"""From a mixture to a tf.data pipeline: positions in, token ids out. The room between the mixtures and SeqIO."""
