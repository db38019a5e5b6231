"""Whether stored results are still those of the code and the model: hashes blind to what cannot change a result."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from hashlib import sha256
from importlib.resources import files

from bayes_lupil.documents import canonical_hash
from bayes_lupil.spec import ModelSpec

__all__ = ["BY_IMPORTANCE", "code_hash", "model_hash"]

_DEPENDS_ON = {
    "engines/nuts.py": ("compile_nutpie", "run_nutpie"),
    "estimands.py": ("estimate",),
    "likelihoods/base.py": (),
    "likelihoods/margins.py": (),
    "likelihoods/sites.py": (),
    "priors/base.py": (),
    "priors/families.py": ("Normal", "HalfNormal", "Beta", "Dirichlet"),
    "simulate/calibration.py": (),
    "trials/margins.py": ("Margins.classes", "Margins.excluded_mask", "Margins.sites"),
}
"""Files that the ranks of the margins depend on, with the parts of them that do; () for all of the file."""

BY_IMPORTANCE: dict[str, tuple[str, ...]] = {
    **{name: parts for name, parts in _DEPENDS_ON.items() if name != "engines/nuts.py"},
    "engines/climb.py": (),
    "engines/importance.py": (),
    "engines/margins.py": (),
    "engines/proposal.py": (),
    "likelihoods/retention.py": (),
}
"""Those that the ranks by importance sampling depend on."""


def model_hash(spec: ModelSpec, settings: Collection[str] = ("tune", "target_accept")) -> str:
    """SHA-256 of what calibration uses of a model: sites, priors (not their reasons) and some sampler settings.

    Parameters
    ----------
    spec : ModelSpec
    settings : collection of str
        Names of the sampler settings that enter.
    """
    content = spec.to_dict()
    priors = {
        name: {key: value for key, value in prior.items() if key != "reason"}
        for name, prior in content["priors"].items()
        if prior is not None
    }
    used = {key: content["sampler"][key] for key in settings}
    return canonical_hash({"sites": content["sites"], "priors": priors, "sampler": used})


def code_hash(depends_on: Mapping[str, tuple[str, ...]] | None = None) -> str:
    """SHA-256 of the code behind the ranks, blind to comments, docstrings and layout, alike on every Python.

    Parameters
    ----------
    depends_on : mapping of str to tuple of str, optional
        Files of the package, with the parts of them that matter, () for all; those of the margins' calibration if
        nothing is given.
    """
    package = files("bayes_lupil")
    chosen = _DEPENDS_ON if depends_on is None else depends_on
    return canonical_hash(
        {name: _meaning((package / name).read_text(encoding="utf-8"), parts) for name, parts in chosen.items()}
    )


def _meaning(source: str, parts: tuple[str, ...] = ()) -> str:
    """Hash of a module's syntax tree, or of the named functions, classes and methods in it."""
    tree: ast.AST = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [item for item in body if not _is_text(item)]  # type: ignore[attr-defined]
    chosen = [_part(tree, name) for name in parts] if parts else [tree]
    return sha256(repr(_plain(chosen)).encode()).hexdigest()


def _part(tree: ast.AST, name: str) -> ast.AST:
    for step in name.split("."):
        tree = next(item for item in getattr(tree, "body", ()) if getattr(item, "name", None) == step)
    return tree


def _is_text(node: object) -> bool:
    """A docstring, or a string that stands alone to explain the line above it."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _plain(node: object) -> object:
    """A syntax tree as nested tuples; empty fields are left out, because later Pythons add some."""
    if isinstance(node, ast.AST):
        fields = [(name, _plain(value)) for name, value in ast.iter_fields(node) if name != "kind"]
        return (type(node).__name__, *(pair for pair in fields if pair[1] not in (None, ())))
    return tuple(_plain(item) for item in node) if isinstance(node, list) else node
