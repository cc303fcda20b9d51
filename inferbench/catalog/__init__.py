"""GPUs and models, their facts with sources, and the files that come with inferbench."""
