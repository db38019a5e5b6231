"""Integrals over site effects: pure numerics, on which the Bayesian models and the mixed logistic regression stand."""
