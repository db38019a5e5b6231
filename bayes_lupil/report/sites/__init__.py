"""The page on a trial's sites."""
