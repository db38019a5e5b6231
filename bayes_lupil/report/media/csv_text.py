"""Tables as CSV that is safe to open in a spreadsheet."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from bayes_lupil.characters import visible
from bayes_lupil.trials.end_point import SYNTHETIC

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["csv_text", "marked"]


# at the beginning, or after a sign at which a spreadsheet may split the line: in German at a semicolon
_SIGNS = "=+\\-@|%\uff1d\uff0b\uff0d\uff20\uff5c\uff05\ufe66\ufe62\ufe63\ufe6b\ufe6a"  # those of full width too


_FORMULA = re.compile(rf"(^|[;\t\n\r])([^\S\t\n\r]*[{_SIGNS}])")


def csv_text(table: pd.DataFrame, index: bool = False) -> str:
    """CSV that says the same to every program that opens it.

    No cell can be run as a formula by a spreadsheet, wherever that splits the line (an apostrophe is put before the
    sign); nothing in a name is hidden; and what is infinite is left out, because spreadsheets know no such number.
    """
    import pandas as pd

    safe = table.copy()
    for position, name in enumerate(safe.columns):
        if not pd.api.types.is_numeric_dtype(safe.dtypes.iloc[position]):
            safe[name] = [_neutral(value) for value in safe[name]]
        elif safe.dtypes.iloc[position].kind == "f":
            safe[name] = safe[name].where(abs(safe[name]) != math.inf)
    safe.columns = safe.columns.map(_neutral)
    if index:
        safe.index = safe.index.map(_neutral)
    return str(safe.to_csv(index=index, lineterminator="\n"))


def marked(table: pd.DataFrame, synthetic: bool) -> pd.DataFrame:
    """The table, its first column saying so where the data are made up."""
    if synthetic and "data" not in table.columns:
        table = table.copy()
        table.insert(0, "data", SYNTHETIC)
    return table


def _neutral(value: Any) -> Any:
    if isinstance(value, float) and math.isinf(value):
        return None
    return _FORMULA.sub(r"\1'\2", visible(value)) if isinstance(value, str) else value
