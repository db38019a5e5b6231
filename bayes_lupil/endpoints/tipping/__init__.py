"""Tipping-point analysis: what missing values would have to be for the conclusion to change."""
