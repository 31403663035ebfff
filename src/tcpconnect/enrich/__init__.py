"""What is added to a connection after it was read, a module each."""
