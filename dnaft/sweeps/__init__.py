"""Many runs at once: each is done once, wherever it runs and however often it is asked for."""
