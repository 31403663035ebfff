"""The BPF programs, and what compiles them. Nothing of it is in the package."""
