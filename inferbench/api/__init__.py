"""The public Python API: a scenario in, values and data frames out. It wires the rooms; the command line calls it.

Import its names from `inferbench` itself, which loads each when it is first asked for.
"""
