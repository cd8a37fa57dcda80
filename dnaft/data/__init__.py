"""Tasks, tables of labelled sequences, caches and the data module."""
