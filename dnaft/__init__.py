"""dnaft: fine-tune language models on DNA."""

__version__ = "0.1.0"
