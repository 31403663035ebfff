"""Questions to a history: what they are about, and what an answer rests on."""
