"""Makes the image for containers: Debian's Python, the wheel, and nothing else."""
