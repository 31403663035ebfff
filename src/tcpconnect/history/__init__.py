"""What is kept of attempts: a SQLite file that one recorder writes and many read."""
