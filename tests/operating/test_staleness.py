"""What makes a stored result out of date, and what does not."""

from __future__ import annotations

import pytest

from bayes_lupil import load_model
from bayes_lupil.operating.staleness import code_hash, meanings, model_hash


@pytest.mark.stack
def test_what_the_code_hash_sees(tmp_path) -> None:
    """Code, but neither comments, docstrings, layout nor where in the package it stands; every file named is there."""
    source = 'def f(x):\n    """Say."""\n    return x + 1  # one\n'
    same = '"""Module."""\n\n\ndef f(\n    x,\n):\n    return (x\n            + 1)\n'
    meaning = meanings
    assert meaning(source) == meaning(same)
    assert meaning(source) != meaning(source.replace("1", "2"))
    assert meaning(source) != meaning(source.replace("+", "-"))
    two = source + "\n\ndef g(x):\n    return x\n"
    assert meaning(source) != meaning(two)
    assert meaning(source, ("f",)) == meaning(two, ("f",)) != meaning(two, ("g",))
    assert meaning("from bayes_lupil.errors import InputError\n__all__ = ['f']\n" + source) == meaning(source)
    assert meaning("from scipy.special import expit\n" + source) != meaning(source)
    within = "def f(x):\n    from {} import expit\n    return expit(x)\n"
    assert meaning(within.format("bayes_lupil.numbers")) == meaning(within.format("bayes_lupil.other"))
    assert meaning(within.format("bayes_lupil.numbers")) != meaning(within.format("scipy.special"))
    one, two = {"posterior/estimands.py": ("estimate",)}, {"posterior/estimands.py": ("estimate", "benefit_ladder")}
    (tmp_path / "a.py").write_text(source)
    (tmp_path / "b.py").write_text(same)
    assert code_hash(one) != code_hash(two)
    assert code_hash(one) != code_hash(one, tmp_path / "a.py") == code_hash(one, tmp_path / "b.py")


def test_what_the_model_hash_sees() -> None:
    spec = load_model("site_effects")
    assert model_hash(spec) == model_hash(spec.edited(priors__beta__reason="another reason for it", sampler__seed=1))
    assert model_hash(spec) != model_hash(spec.edited(priors__beta__sd=1.1))
    assert model_hash(spec) != model_hash(spec.edited(sites__coding="reference"))
