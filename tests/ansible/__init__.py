"""Tests of the role for Ansible, on a machine that may be changed."""
