"""What a request body asks for, and the bytes of an answer."""
