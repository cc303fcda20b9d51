"""Parts of a stack turned on and off: what each is worth where somebody published a figure for it."""
