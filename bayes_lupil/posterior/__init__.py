"""A fitted model: draws, estimands, diagnostics, provenance, and the file that holds them."""

from bayes_lupil.posterior.posterior import FORMAT, Posterior

__all__ = ["FORMAT", "Posterior"]
