"""What this tool's own programs are in the kernel, seen from user space."""
