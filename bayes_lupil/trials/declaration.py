"""The trial that a trial file (TOML) declares."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bayes_lupil.characters import repeated
from bayes_lupil.documents import read_toml
from bayes_lupil.errors import TrialError, nearest, within
from bayes_lupil.trials.asked import Asked
from bayes_lupil.trials.cells import Cells
from bayes_lupil.trials.end_point import Arms, EndPoint
from bayes_lupil.trials.margins import Margins, Supposition
from bayes_lupil.trials.patients import Patients
from bayes_lupil.trials.populations import Population
from bayes_lupil.trials.readers import read_counts
from bayes_lupil.trials.reading import Reading
from bayes_lupil.trials.sources import read_source
from bayes_lupil.trials.trial import PublishedResult, Source, Step, Trial
from bayes_lupil.trials.trial_file import (
    CellsTable,
    CountriesOfSites,
    DataTable,
    ExcludedSites,
    Impossible,
    MarginRow,
    MarginsTable,
    NumberOfSites,
    StepTable,
    TrialFile,
)

__all__ = ["read_trial_file"]


def read_trial_file(path: Path) -> Trial:
    """The trial that a TOML file declares.

    Raises
    ------
    TrialError
        Naming file and key, for anything that does not add up.
    """
    file = read_toml(path, TrialFile, TrialError)
    given = [key for key in ("cells", "margins", "data") if getattr(file, key) is not None]
    if len(given) != 1:
        found = " and ".join(f"[{key}]" for key in given) or "none of them"
        raise TrialError(str(path), found, "exactly one of the tables [cells], [margins] and [data]")
    with within(path):
        arms = Arms(file.arms.control, file.arms.active)
    _check_references(file, path)
    notes: list[str] = list(file.notes)
    made_up = file.synthetic
    provenance: list[dict[str, str]] = []
    data: Cells | Margins | Patients
    reading: Reading | None = None
    if file.cells is not None:
        data = _cells(file.cells, arms, path)
        provenance += [_number(f"{r.responders}/{r.n}", f"site {r.site}, {r.arm}", file.cells) for r in file.cells.rows]
    elif file.margins is not None:
        data, provenance = _margins(file.margins, arms, path)
    else:
        assert file.data is not None  # exactly one is given
        read = read_counts(
            read_source(path.parent / file.data.file, file.data.sheet),
            Asked.of(
                control=arms.control, active=arms.active, end_point=file.end_point.name,
                harmful=file.end_point.benefit == "lower", **file.data.options,
            ),
        )  # fmt: skip
        data, reading = read.data, read.reading
        notes += reading.notes
        made_up = made_up or read.synthetic
        provenance.append(_number("counts", f"file {file.data.file}", file.data))
    populations = _populations(file, data, path)
    steps = tuple(_step(step, populations, f"{path}, key 'hierarchy.{i}'") for i, step in enumerate(file.hierarchy))
    return Trial(
        name=file.name,
        title=file.title,
        arms=arms,
        end_point=EndPoint(**file.end_point.model_dump()),
        data=data,
        populations=populations,
        hierarchy=steps,
        sources=tuple(Source(**source.model_dump()) for source in file.sources),
        provenance=tuple(provenance),
        not_published=file.not_published,
        claims=file.claims,
        synthetic=made_up,
        notes=tuple(notes),
        reading=reading,
    )


def _number(
    number: str,
    what: str,
    origin: CellsTable | MarginRow | DataTable | NumberOfSites | ExcludedSites | CountriesOfSites | Impossible,
) -> dict[str, str]:
    return {"number": number, "what": what, "source": origin.source, "grade": origin.grade}


def _once(names: list[str], key: str, path: Path) -> None:
    if twice := repeated(names):
        raise TrialError(f"{path}, key '{key}'", f"'{twice}' twice", "each once")


def _check_references(file: TrialFile, path: Path) -> None:
    """Every source that a number names must be listed, once; and every population once."""
    known = [source.id for source in file.sources]
    _once(known, "sources", path)
    _once([population.name for population in file.populations], "populations", path)

    def visit(item: object, key: str) -> None:
        if isinstance(item, dict):
            if item.get("source") and item["source"] not in known:
                raise TrialError(
                    f"{path}, key '{key}.source'",
                    f"'{item['source']}'",
                    "the id of one of [[sources]]",
                    nearest(item["source"], known),
                )
            for name, value in item.items():
                visit(value, f"{key}.{name}" if key else name)
        elif isinstance(item, tuple | list):
            for i, value in enumerate(item):
                visit(value, f"{key}.{i}")

    visit(file.model_dump(), "")


def _arm_index(name: str, arms: Arms, where: str) -> int:
    if name not in arms.names:
        raise TrialError(where, f"the arm '{name}'", f"'{arms.control}' or '{arms.active}'", nearest(name, arms.names))
    return arms.names.index(name)


def _cells(table: CellsTable, arms: Arms, path: Path) -> Cells:
    counts: dict[str, dict[int, tuple[int, int]]] = {}
    country_of: dict[str, str | None] = {}
    for i, row in enumerate(table.rows):
        where = f"{path}, key 'cells.rows.{i}'"
        a = _arm_index(row.arm, arms, where)
        if row.responders > row.n:
            raise TrialError(
                where,
                f"{row.responders} responders of n = {row.n} (site '{row.site}', arm '{row.arm}')",
                "responders at most n",
            )
        if country_of.setdefault(row.site, row.country) != row.country:
            found = f"site '{row.site}' in {_country(row.country)} and before in {_country(country_of[row.site])}"
            raise TrialError(where, found, "each site in one country, named in all of its rows")
        if a in counts.setdefault(row.site, {}):
            raise TrialError(where, f"site '{row.site}', arm '{row.arm}' again", "one row for each site and arm")
        counts[row.site][a] = (row.responders, row.n)
    for site, by_arm in counts.items():
        if len(by_arm) != 2:
            raise TrialError(
                f"{path}, key 'cells.rows'",
                f"one arm of site '{site}'",
                "a row for each site and arm (n = 0 is allowed)",
            )
    countries = tuple(name for name in country_of.values() if name is not None)
    if countries and len(countries) < len(counts):
        lacking = next(site for site, name in country_of.items() if name is None)
        raise TrialError(f"{path}, key 'cells.rows'", f"no country of site '{lacking}'", "the country of each site")
    grid = np.array([[by_arm[a] for a in (0, 1)] for by_arm in counts.values()])
    with within(path):
        return Cells(tuple(counts), grid[:, :, 0], grid[:, :, 1], countries=countries or None)


def _country(name: str | None) -> str:
    return "no country" if name is None else f"'{name}'"


def _margins(table: MarginsTable, arms: Arms, path: Path) -> tuple[Margins, list[dict[str, str]]]:
    totals: dict[tuple[str, int], tuple[int, int]] = {}
    for i, row in enumerate(table.rows):
        where = f"{path}, key 'margins.rows.{i}'"
        a = _arm_index(row.arm, arms, where)
        if row.population not in ("itt", table.subset):
            raise TrialError(where, f"population '{row.population}'", f"'itt' or '{table.subset}'")
        if row.responders > row.n:
            found = f"{row.responders} responders of n = {row.n} (population '{row.population}', arm '{row.arm}')"
            raise TrialError(where, found, "responders at most n")
        if (row.population, a) in totals:
            raise TrialError(where, f"population '{row.population}', arm '{row.arm}' again", "each once")
        totals[row.population, a] = (row.responders, row.n)
    impossible = tuple(
        (
            _arm_index(item.arm, arms, f"{path}, key 'margins.impossible_at_excluded_sites.{i}'"),
            int(item.response == "responder"),
        )
        for i, item in enumerate(table.impossible_at_excluded_sites)
    )
    countries = _countries(table, path)
    with within(path):
        margins = Margins(
            totals=(totals["itt", 0], totals["itt", 1]),
            subset_totals=(totals[table.subset, 0], totals[table.subset, 1]),
            subset=table.subset,
            excluded_sites=table.excluded_sites.names,
            n_sites=table.n_sites.value,
            impossible_at_excluded=impossible,
            alternatives=tuple(Supposition(**item.model_dump()) for item in table.alternatives),
            countries=countries,
        )
    provenance = [_number(f"{r.responders}/{r.n}", f"{r.population}, {r.arm} ({r.printed})", r) for r in table.rows]
    provenance.append(_number(str(table.n_sites.value), "number of sites", table.n_sites))
    provenance.append(_number(str(len(table.excluded_sites.names)), "excluded sites", table.excluded_sites))
    if table.countries is not None:
        provenance.append(_number(str(len(table.countries.sites)), "countries of the sites", table.countries))
    provenance += [_number("0", item.reason, item) for item in table.impossible_at_excluded_sites]
    return margins, provenance


def _countries(table: MarginsTable, path: Path) -> tuple[str, ...] | None:
    """The country of each site, the excluded ones first; the others, which nothing else tells apart, in any order."""
    if table.countries is None:
        return None
    left, excluded = dict(table.countries.sites), table.countries.excluded
    where = f"{path}, key 'margins.countries"
    if len(excluded) != len(table.excluded_sites.names):
        found = f"{len(excluded)} countries of {len(table.excluded_sites.names)} excluded sites"
        raise TrialError(f"{where}.excluded'", found, "the country of each excluded site, in their order")
    if (total := sum(left.values())) != table.n_sites.value:
        raise TrialError(f"{where}.sites'", f"{total} sites", f"n_sites, which are {table.n_sites.value}")
    for name in excluded:
        if name not in left:
            required = "a country of the table of sites"
            raise TrialError(f"{where}.excluded'", f"'{name}'", required, nearest(name, left))
        left[name] -= 1
        if left[name] < 0:
            found = f"{excluded.count(name)} excluded sites in '{name}'"
            raise TrialError(f"{where}.excluded'", found, f"at most its {table.countries.sites[name]}")
    return (*excluded, *(name for name, number in left.items() for _ in range(number)))


def _populations(file: TrialFile, data: Cells | Margins | Patients, path: Path) -> dict[str, Population]:
    """The declared populations; 'itt' is added where it is not, and each must have data behind it."""
    possible = ["itt"]
    if isinstance(data, Margins):
        possible.append(data.subset)
    elif isinstance(data, Patients):
        possible += list(data.flags)
    declared = {
        table.name: Population(**{**table.model_dump(), "grade": table.grade or ""}) for table in file.populations
    }
    for name in declared:
        if name not in possible:
            raise TrialError(
                f"{path}, key 'populations'", f"'{name}'", "a population with data", nearest(name, possible)
            )
    return {
        name: declared.get(name, Population(name, "intention to treat" if name == "itt" else name)) for name in possible
    }


def _step(step: StepTable, populations: dict[str, Population], where: str) -> Step:
    for item in step.published:
        if item.population not in populations:
            raise TrialError(
                where,
                f"population '{item.population}'",
                "a population of this trial",
                nearest(item.population, populations),
            )
    published = tuple(PublishedResult(**item.model_dump()) for item in step.published)
    return Step(step.name, step.role, step.recomputable, published)
