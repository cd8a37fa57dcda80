"""Backbones, pooling and heads."""
