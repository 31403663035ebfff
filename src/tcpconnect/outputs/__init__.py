"""Where batches go: a module for each kind of output."""
