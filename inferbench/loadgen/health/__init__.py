"""Whether the client itself can be believed: its lateness, its ceiling, its cores, and what helps where it cannot."""
