"""Several active arms against one control, as a figure and a page."""
