"""The simulator (the twin): a prefill/decode deployment that takes the same plan and gives the same records."""
