"""What goes wrong with real servers, on request."""
