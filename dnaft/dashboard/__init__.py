"""A mirror of runs on Weights & Biases, imported when asked for; result.json is the record."""
