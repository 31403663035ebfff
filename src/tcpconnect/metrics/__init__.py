"""Metrics: attempts counted in bounded series, and served to Prometheus."""
