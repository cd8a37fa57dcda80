"""Adaptive rank sampling in tensors: budget, importance, mask, sampling."""
