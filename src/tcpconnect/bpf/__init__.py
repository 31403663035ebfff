"""The modules that talk to the kernel; nothing else in the package does."""
