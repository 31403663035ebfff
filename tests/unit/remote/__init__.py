"""Remote places: their URLs, spools, senders and encoders."""
