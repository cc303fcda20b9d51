"""A launch plan as files: for plain nodes, Slurm and Kubernetes."""
