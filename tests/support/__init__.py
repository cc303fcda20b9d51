"""What tests share: factories, servers, files."""
