"""``make bench``: what tracing costs, measured side by side in interleaved rounds."""
