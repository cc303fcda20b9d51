"""The twin: a simulated prefill/decode deployment that takes the same plan and gives the same records."""
