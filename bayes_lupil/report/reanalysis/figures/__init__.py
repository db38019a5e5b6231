"""Figures of one fit and of several, and their alternative texts."""
