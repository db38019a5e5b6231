"""Countries above the sites, as a figure and a page."""
