"""Result files of `vllm bench serve`, and of clients with its keys, read and written."""
