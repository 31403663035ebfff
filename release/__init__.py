"""The check before a release: a wheel, installed and used with every Python."""
