"""Linear models on k-mer counts and one-hot bases, the yardsticks of every report."""
