"""Commands that measure, and what they need."""
