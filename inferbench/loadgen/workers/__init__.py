"""One load over several workers: in this process, in processes of their own, or as Ray actors on other machines."""
