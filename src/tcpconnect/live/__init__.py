"""The live view: what the tracer folds, and what the screen makes of it."""
