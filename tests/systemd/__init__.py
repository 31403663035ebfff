"""Tests of services, setcap and podman; run where systemd is the first process."""
