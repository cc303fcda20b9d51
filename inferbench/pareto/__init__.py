"""The points of a whole store, drawn: axes, fronts, filters and what is known of one point."""
