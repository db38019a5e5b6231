"""The page on sites whose table was never published."""
