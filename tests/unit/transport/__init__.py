"""Tests of how something is sent."""
