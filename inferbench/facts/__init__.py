"""Facts about GPUs and models, as YAML with source and date."""
