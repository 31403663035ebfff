"""Tests of single modules; they need neither root nor a kernel."""
