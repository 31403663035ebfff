"""Tests of packages; run where systemd is the first process, and no tool installed."""
