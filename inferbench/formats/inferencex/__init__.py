"""InferenceX's formats, read and written. What inferbench writes in them is marked Unofficial."""
