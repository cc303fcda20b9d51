"""From tokens per second to dollars: price books, hourly bills, and what a million tokens cost."""
