"""Reading what engines, routers, exporters and GPU tools tell, and what follows from it."""
