"""Exploratory end points: effect sizes on one scale, shrunk together."""
