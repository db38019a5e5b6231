"""The one module that knows there are two ArviZ generations.

Python 3.11 gets ArviZ 0.23, whose functions take their own InferenceData; the generation that takes xarray DataTrees is
installed beside it (arviz-base, -stats, -plots) and is what `arviz.preview` shows. Python 3.12 and later get ArviZ 1.
`from bayes_lupil import az` gives the generation that takes `Posterior.data` as it is, on every Python.

What needs the energies of Hamiltonian chains says so where a fit has none; ArviZ itself, called directly, does not.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterable
from typing import Any

from xarray import DataTree, open_datatree

from bayes_lupil.errors import InputError

with warnings.catch_warnings():
    # ArviZ 0.23 announces its successor once a day; the successor is what is used here
    warnings.filterwarnings("ignore", category=FutureWarning, module="arviz")
    import arviz as _installed

    if int(_installed.__version__.split(".")[0]) < 1:
        from arviz import preview as _generation
    else:
        _generation = _installed

__all__ = ["to_datatree"]

_OF_ENERGY = ("plot_energy", "bfmi")


def to_datatree(result: Any) -> DataTree:
    """A sampler's result as a DataTree, whichever ArviZ generation it was made by."""
    return result if isinstance(result, DataTree) else result.to_datatree()


def __getattr__(name: str) -> Any:
    if name == "from_netcdf":  # only one of the two generations has it
        return getattr(_generation, name, open_datatree)
    found = getattr(_generation, name)
    return _with_energy(name, found) if name in _OF_ENERGY else found


def _with_energy(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    """A function of ArviZ that reads energies, which only chains of NUTS have."""

    @functools.wraps(call)
    def same(*args: Any, **kwargs: Any) -> Any:
        for tree in _trees((*args[:1], *(kwargs[key] for key in ("dt", "data") if key in kwargs))):
            statistics = tree.children.get("sample_stats")
            if statistics is not None and "energy" not in statistics.data_vars:
                raise InputError(
                    f"az.{name}()",
                    "a fit without energies: its draws are independent, by quadrature or importance sampling",
                    "a fit by NUTS, whose chains have energies",
                    'Fit the model with engine="nuts", as in bl.fit(bl.model("site_effects", engine="nuts"), trial).',
                )
        return call(*args, **kwargs)

    return same


def _trees(given: Iterable[Any]) -> list[DataTree]:
    """Those that are trees, and those in dictionaries of them."""
    found = [one for item in given for one in (item.values() if isinstance(item, dict) else (item,))]
    return [item for item in found if isinstance(item, DataTree)]


def __dir__() -> list[str]:
    return sorted({*dir(_generation), *__all__})
