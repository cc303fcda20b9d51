"""How sure a figure is: intervals, draws of uncertain inputs, and what each input moves."""
