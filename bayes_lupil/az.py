"""The one module that knows there are two ArviZ generations.

Python 3.11 gets ArviZ 0.23, whose functions take their own InferenceData; the generation that takes xarray DataTrees is
installed beside it (arviz-base, -stats, -plots) and is what `arviz.preview` shows. Python 3.12 and later get ArviZ 1.
`from bayes_lupil import az` gives the generation that takes `Posterior.data` as it is, on every Python.
"""

from __future__ import annotations

import warnings
from typing import Any

from xarray import DataTree, open_datatree

with warnings.catch_warnings():
    # ArviZ 0.23 announces its successor once a day; the successor is what is used here
    warnings.filterwarnings("ignore", category=FutureWarning, module="arviz")
    import arviz as _installed

    if int(_installed.__version__.split(".")[0]) < 1:
        from arviz import preview as _generation
    else:
        _generation = _installed

__all__ = ["to_datatree"]


def to_datatree(result: Any) -> DataTree:
    """A sampler's result as a DataTree, whichever ArviZ generation it was made by."""
    return result if isinstance(result, DataTree) else result.to_datatree()


def __getattr__(name: str) -> Any:
    if name == "from_netcdf":  # only one of the two generations has it
        return getattr(_generation, name, open_datatree)
    return getattr(_generation, name)


def __dir__() -> list[str]:
    return sorted({*dir(_generation), *__all__})
