"""Measuring a running deployment: one plan after the other, watched and checked."""
