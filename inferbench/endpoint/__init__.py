"""A running deployment before the load: is it up, what is it, does it serve the model, is its prefix cache empty?"""
