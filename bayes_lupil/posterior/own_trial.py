"""A posterior knows its trial; for one release the trial may still be given beside it."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar, cast

from bayes_lupil.arguments import found_in_words
from bayes_lupil.errors import InputError
from bayes_lupil.posterior import Posterior
from bayes_lupil.trials.trial import Trial

__all__ = ["own_trial"]

P = ParamSpec("P")
R = TypeVar("R")


def own_trial(call: Callable[P, R]) -> Callable[P, R]:
    """Let a function of a posterior, or of several, take their trial besides: second by place, or as `trial`.

    It is deprecated where posteriors know their trial, and needed where they were read from a file of an earlier
    release, which does not hold it.

    Raises
    ------
    InputError
        From the function that comes back, where the trial is not that of the posterior.

    Examples
    --------
    >>> from bayes_lupil import fit
    >>> @own_trial
    ... def patients(posterior):
    ...     return posterior.analysis_set.patients
    >>> patients(fit("itt_pooled", "lupil2"))
    100
    """
    name, first = call.__name__, next(iter(inspect.signature(call).parameters))
    function = cast("Callable[..., R]", call)

    @functools.wraps(call)
    def same(*args: Any, **kwargs: Any) -> R:
        trial, asked = kwargs.pop("trial", None), [*args] if first not in kwargs else [kwargs.pop(first), *args]
        if trial is None and len(asked) > 1 and isinstance(asked[1], Trial):
            trial = asked.pop(1)
        if trial is None or not asked:
            return function(*asked, **kwargs)
        if not isinstance(trial, Trial):
            raise InputError(f"{name}()", f"trial = {found_in_words(trial)}", "trial: a Trial")
        own = _of_trial(asked[0], trial)
        if all(item.knows_trial for item in _posteriors(asked[0])):
            told = f"{name}(): the trial is not needed, since posteriors know it; in the next release it is not taken"
            warnings.warn(told, DeprecationWarning, stacklevel=2)
        return function(own, *asked[1:], **kwargs)

    return cast("Callable[P, R]", same)


def _posteriors(asked: Any) -> list[Posterior]:
    """The posteriors among what was given; the function itself complains of anything else."""
    items = asked.values() if isinstance(asked, Mapping) else asked if isinstance(asked, list | tuple) else (asked,)
    return [item for item in items if isinstance(item, Posterior)]


def _of_trial(asked: Any, trial: Trial) -> Any:
    if isinstance(asked, Mapping):
        return {name: _of_trial(item, trial) for name, item in asked.items()}
    if isinstance(asked, list | tuple):
        return [_of_trial(item, trial) for item in asked]
    return asked.of_trial(trial) if isinstance(asked, Posterior) else asked
