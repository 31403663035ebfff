"""Tests with servers: ClickHouse, PostgreSQL and collectors, at the other end."""
