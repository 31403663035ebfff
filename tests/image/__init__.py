"""Tests of the image that `make image` has made: run by `make test-image` only."""
