"""Is a measured point plausible at all? Each check is a pure function; a flag is an observation, not a verdict."""
