"""Outlying sites or countries, as model files declare them: the same keys, checks and deviations at either level."""

from __future__ import annotations

from typing import Literal, Protocol

from bayes_lupil.documents import requirement

__all__ = ["Outliers", "check_outliers", "deviations_of"]

Outliers = Literal["site", "control", "active", "arms"]


class _Level(Protocol):
    """A table of a model file that says how units of one level differ."""

    @property
    def distribution(self) -> str: ...

    @property
    def outliers(self) -> str | None: ...

    @property
    def outlier_sd(self) -> float | None: ...

    @property
    def outlier_share(self) -> float | None: ...

    @property
    def is_mixture(self) -> bool: ...


def check_outliers(level: _Level) -> None:
    """That the keys of outliers are there where the distribution has them, and not where it has none."""
    kind = f"distribution = '{level.distribution}'"
    contaminated = level.distribution == "contaminated"
    for key in ("outliers", "outlier_sd"):
        value = getattr(level, key)
        if contaminated and value is None:
            raise requirement(key, "nothing", f"a value, because {kind}")
        if not contaminated and value is not None:
            raise requirement(key, str(value), f"none, because {kind}")
    if level.outlier_share is not None and not level.is_mixture:
        raise requirement("outlier_share", f"{level.outlier_share:g}", f"none, because {kind}")


def deviations_of(outliers: str | None, x: tuple[float, float]) -> dict[str, tuple[float, float]]:
    """By arm (or 'site', where both deviate alike): what a deviation of 1 adds to level and effect.

    Adding d to the log odds of one arm and nothing to the other's is a change of level and of effect together.

    Examples
    --------
    >>> deviations_of("active", (0.0, 1.0))
    {'active': (-0.0, 1.0)}
    """
    if outliers is None:
        return {}
    known = {"site": (1.0, 0.0), "control": (x[1], -1.0), "active": (-x[0], 1.0)}
    return {arm: known[arm] for arm in (("control", "active") if outliers == "arms" else (outliers,))}
