"""Price books: a rate card of GPU-hours, or an owned GPU's hour built up from what it costs to own and run it."""
