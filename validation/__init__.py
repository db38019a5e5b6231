"""Simulation-based calibration of the likelihoods and engines; its stored results are in `tests/validation`."""
