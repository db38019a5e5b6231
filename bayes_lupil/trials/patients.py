"""One row a patient: site, arm, response, covariates and population flags."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_lupil.arguments import check_fields
from bayes_lupil.errors import TrialError
from bayes_lupil.frozen import ReadOnly
from bayes_lupil.trials.cells import ALL_SITES, Cells
from bayes_lupil.trials.names import check_names

__all__ = ["Patients", "frozen"]


@dataclass(frozen=True, eq=False)
class Patients(ReadOnly):
    """Patient data of a two-arm trial.

    Parameters
    ----------
    site : tuple of str
        Site of each patient.
    arm : array of int, shape (patients,)
        0 control, 1 active.
    response : array of int, shape (patients,)
        1 where the end point was met, 0 where not. Missing outcomes are not accepted here.
    flags : dict of str to array of bool
        Membership of each population other than 'itt', shape (patients,).
    covariates : dict of str to tuple of str
        Further columns as they stand in the file.
    country : dict of str to str, optional
        The country, or other group, that each site lies in; None where it is not known.
    """

    site: tuple[str, ...]
    arm: NDArray[np.int64]
    response: NDArray[np.int64]
    flags: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    covariates: dict[str, tuple[str, ...]] = field(default_factory=dict)
    country: dict[str, str] | None = None

    def __post_init__(self) -> None:
        check_fields(self, TrialError)
        check_names(self.site, "site")
        check_names(tuple(self.flags), "population")
        size = len(self.site)
        for name, texts in self.covariates.items():
            if len(texts) != size:
                raise TrialError(f"column '{name}'", f"{len(texts)} values", f"one value for each of {size} patients")
        if self.country is not None and (unknown := [site for site in self.sites if site not in self.country]):
            raise TrialError("country", f"none of site '{unknown[0]}'", "the country of each site")
        if "itt" in self.flags:
            raise TrialError("flags", "a flag 'itt'", "other names: 'itt' is every patient")
        columns = {"arm": self.arm, "response": self.response, **self.flags}
        for name, column in columns.items():
            if np.shape(column) != (size,):
                raise TrialError(
                    f"column '{name}'", f"shape {np.shape(column)}", f"one value for each of {size} patients"
                )
            if not np.isin(column, (0, 1)).all():
                raise TrialError(f"column '{name}'", "values other than 0 and 1", "0 or 1")
        object.__setattr__(self, "arm", frozen(self.arm, np.int64))
        object.__setattr__(self, "response", frozen(self.response, np.int64))
        object.__setattr__(self, "flags", {name: frozen(flag, np.bool_) for name, flag in self.flags.items()})
        super().__post_init__()
        self.cells()  # checks that no arm is empty

    @property
    def sites(self) -> tuple[str, ...]:
        """Site names in order of first appearance."""
        return tuple(dict.fromkeys(self.site))

    def cells(self, keep: NDArray[np.bool_] | None = None) -> Cells:
        """Counts by site and arm of the patients kept (all by default)."""
        keep = np.ones(len(self.site), bool) if keep is None else keep
        kept = [site for site, k in zip(self.site, keep, strict=True) if k]
        names = tuple(dict.fromkeys(kept))
        index = {name: i for i, name in enumerate(names)}
        where = (np.array([index[site] for site in kept], dtype=np.int64), self.arm[keep])
        n, responders = np.zeros((2, len(names), 2), dtype=np.int64)
        np.add.at(n, where, 1)
        np.add.at(responders, where, self.response[keep])
        countries = None if self.country is None else tuple(self.country[name] for name in names)
        return Cells(names, responders, n, names != (ALL_SITES,), countries)

    def content(self) -> dict[str, Any]:
        """The columns as plain lists, patients by what is known of them: the same in whatever order they were given."""
        flags = {name: self.flags[name].astype(int).tolist() for name in sorted(self.flags)}
        covariates = {name: list(self.covariates[name]) for name in sorted(self.covariates)}
        columns = [list(self.site), self.arm.tolist(), self.response.tolist(), *flags.values(), *covariates.values()]
        columns = [list(column) for column in zip(*sorted(zip(*columns, strict=True)), strict=True)]
        site, arm, response, *others = columns
        return {
            "resolution": "patients",
            "site": site,
            "arm": arm,
            "response": response,
            "flags": dict(zip(flags, others, strict=False)),
            "covariates": dict(zip(covariates, others[len(flags) :], strict=True)),
            **(
                {} if self.country is None else {"country": {name: self.country[name] for name in sorted(self.country)}}
            ),
        }


def frozen(column: Any, dtype: Any) -> NDArray[Any]:
    """A copy of its own, so that nobody else's array is frozen or can change this one."""
    copy = np.array(column, dtype=dtype)
    copy.setflags(write=False)
    return copy
