"""The hierarchy of end points from patient data."""
