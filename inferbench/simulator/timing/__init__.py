"""How long a step takes: kernels, decode and prefill steps, all-to-all, KV transfer, speculation, memory, power."""
