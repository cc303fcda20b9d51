"""Parts of a deployment measured by themselves: KV transfer with each backend's own engine."""
