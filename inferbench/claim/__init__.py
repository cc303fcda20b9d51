"""A published claim, computed again from its own points and prices, and what each part of it hangs on."""
