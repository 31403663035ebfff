"""What the wheel installs below share/: made from the parser and the field table."""
