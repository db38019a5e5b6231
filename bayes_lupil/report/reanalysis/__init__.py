"""The report on a reanalysis."""
