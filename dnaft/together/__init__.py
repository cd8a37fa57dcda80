"""Runs that take turns in one process, and pass their batches through the frozen model together."""
