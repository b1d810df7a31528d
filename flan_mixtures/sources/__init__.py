"""Where rows come from: files under one data root, read by pure functions, and the SeqIO source that serves them."""
