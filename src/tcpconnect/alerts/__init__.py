"""Alerts: what is new, and what fails; found in windows of counts, and sent."""
