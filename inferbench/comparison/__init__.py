"""Deployments side by side: frontiers, readings at an operating point, and which is cheaper, if that can be said."""
