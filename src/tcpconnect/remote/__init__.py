"""Remote places of -o: what waits for them on disk, and who sends it."""
