"""Tests of whole outputs against pages of text."""
