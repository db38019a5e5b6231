"""The version of the package that is installed."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

__all__ = ["__version__"]

try:
    __version__ = version("bayes-lupil")
except PackageNotFoundError:  # run from a folder that was never installed
    __version__ = "0+unknown"
