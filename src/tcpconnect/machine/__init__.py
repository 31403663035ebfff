"""This machine: its processes, cgroups, containers and clock, and what we may do."""
