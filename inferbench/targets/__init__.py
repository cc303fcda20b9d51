"""Real endpoints over HTTP: what to send, how to read what comes back, and a record for every way it can go."""
