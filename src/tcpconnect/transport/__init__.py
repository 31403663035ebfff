"""How something is sent: a place read from its URL, requests, and their time limit."""
