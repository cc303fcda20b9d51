"""Real endpoints over HTTP: connections, HTTP/1.1, server-sent events, and a record for every way a request can end."""
