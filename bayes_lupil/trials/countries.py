"""The country, or other group, that each site of a table lies in."""

from __future__ import annotations

from bayes_lupil.errors import TrialError, nearest
from bayes_lupil.trials.checks import one_spelling
from bayes_lupil.trials.roles import Roles
from bayes_lupil.trials.tables import Table, listed

__all__ = ["country_of_sites"]


def country_of_sites(table: Table, roles: Roles, column: str) -> dict[str, str]:
    """The country of every site, from the column that was named for it.

    It is never told from the name of a column: whether a model has a level of countries is for the analyst to say.

    Raises
    ------
    TrialError
        For a column that is not there or has another role, a table without sites, and a site in two countries.
    """
    where = f"{table.path}, country"
    if column not in table.columns:
        found = f"no column '{column}' (columns: {listed(table.columns)})"
        raise TrialError(where, found, "the column of the country of each site", nearest(column, table.columns))
    if roles.site is None:
        raise TrialError(where, "no column of sites", "one, for countries are groups of sites", "Say which: site=...")
    if column in roles.used:
        raise TrialError(where, f"'{column}', which has another role", "a column of its own for the countries")
    countries = table.names(column)
    one_spelling(table, column, countries, "country")
    found_at: dict[str, int] = {}
    for i, (site, country) in enumerate(zip(table.names(roles.site), countries, strict=True)):
        first = found_at.setdefault(site, i)
        if countries[first] != country:
            lines = [f"{table.unit} {table.rows[row][0]}" for row in (first, i)]
            raise TrialError(
                table.where(i, column),
                f"site '{site}' in '{countries[first]}' ({lines[0]}) and in '{country}' ({lines[1]})",
                "each site in one country",
                "Where sites of two countries have one name or number, make a column of both and name it (site=...).",
            )
    return {site: countries[i] for site, i in found_at.items()}
