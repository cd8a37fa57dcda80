"""Fine-tuning methods: what is trainable, and how adapters are injected."""
