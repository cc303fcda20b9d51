"""`inferbench bench`: the flags, defaults and result keys of `vllm bench serve`."""
