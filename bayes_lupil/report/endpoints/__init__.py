"""The page on a hierarchy of end points."""
