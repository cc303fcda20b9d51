"""The workload: lengths, arrivals and prompts, as a plan that the same seed makes again byte for byte."""
