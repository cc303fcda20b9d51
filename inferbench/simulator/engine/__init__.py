"""The event simulation: router, prefill workers, KV links, admission, decode and mixed workers."""
