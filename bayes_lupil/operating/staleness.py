"""Whether stored results are still those of the code and the model: hashes blind to what cannot change a result."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from bayes_lupil.documents import canonical_hash
from bayes_lupil.spec import ModelSpec

__all__ = ["code_hash", "meanings", "model_hash"]


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
    more = {name: content[name] for name in ("countries",) if content.get(name)}  # so that other hashes stay
    return canonical_hash({"sites": content["sites"], "priors": priors, "sampler": used} | more)


def code_hash(depends_on: Mapping[str, tuple[str, ...]], *others: Path) -> str:
    """SHA-256 of the code behind a stored result, alike on every Python, blind to comments, layout and names of files.

    Parameters
    ----------
    depends_on : mapping of str to tuple of str
        Files of the package, with the parts of them that matter, () for all.
    others : Path
        Files outside the package, all of whose code matters.
    """
    package = files("bayes_lupil")
    found = [
        statement
        for name, parts in depends_on.items()
        for statement in meanings((package / name).read_text(encoding="utf-8"), parts)
    ]
    found += [statement for path in others for statement in meanings(path.read_text(encoding="utf-8"))]
    return canonical_hash(sorted(set(found)))


def meanings(source: str, parts: tuple[str, ...] = ()) -> list[str]:
    r"""Hashes of the statements of a module, or of the named functions, classes and methods in it.

    Comments, docstrings, layout, imports from the package and `__all__` do not enter, nor does the name of the file:
    what moves to another file of those that are looked at stays the same.

    Examples
    --------
    >>> meanings("def f(x):\n    return x + 1  # one more") == meanings("def f(x): return x + 1")
    True
    """
    tree: ast.AST = ast.parse(source)
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list):
                setattr(node, name, [item for item in block if not _says_nothing(item)])
    chosen = [_part(tree, name) for name in parts] if parts else getattr(tree, "body", [])
    return [sha256(repr(_plain(item)).encode()).hexdigest() for item in chosen]


def _part(tree: ast.AST, name: str) -> ast.AST:
    for step in name.split("."):
        tree = next(item for item in getattr(tree, "body", ()) if getattr(item, "name", None) == step)
    return tree


def _says_nothing(node: object) -> bool:
    """A docstring, or a string that explains the line above it; an import within the package; the public names."""
    match node:
        case ast.Expr(value=ast.Constant(value=str())):
            return True
        case ast.ImportFrom(module=str(module)):
            return module.partition(".")[0] == "bayes_lupil"
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case ast.Assign(targets=[ast.Name(id="__all__")]):
            return True
    return False


def _plain(node: object) -> object:
    """A syntax tree as nested tuples; empty fields are left out, because later Pythons add some."""
    if isinstance(node, ast.AST):
        fields = [(name, _plain(value)) for name, value in ast.iter_fields(node) if name != "kind"]
        return (type(node).__name__, *(pair for pair in fields if pair[1] not in (None, ())))
    return tuple(_plain(item) for item in node) if isinstance(node, list) else node
