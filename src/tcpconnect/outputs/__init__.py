"""The outputs of batches, one module for each kind."""
