"""Recorded loads of real services, read line by line, one reader a file."""
