"""From bases to token ids: k-mers, single nucleotides, one-hot and byte-pair encodings."""
