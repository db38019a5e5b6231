"""Simulation: what the method does over many trials whose truth is known."""
