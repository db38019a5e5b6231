"""Effects by subgroup, as a figure and a page."""
