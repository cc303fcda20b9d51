"""Two runs side by side, refused where they differ in more than the question asked."""
