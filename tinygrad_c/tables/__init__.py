"""Neural nets for tables: read, choose and encode columns, train, predict, export. The command line and the estimators use it.

>>> import pandas                                                                               # doctest: +SKIP
>>> frame = pandas.read_csv("flats.csv")                                                        # doctest: +SKIP
>>> model, _ = fit(from_frame(frame), "rent")                                                   # doctest: +SKIP
>>> model.predict(frame)                                                                        # doctest: +SKIP
"""

from __future__ import annotations

from tinygrad_c.tables.decide import Choices
from tinygrad_c.tables.errors import UserError
from tinygrad_c.tables.fit import Fitting, Options, fit
from tinygrad_c.tables.model import TableModel
from tinygrad_c.tables.read import Table, from_frame, read_table

__all__ = ["Choices", "Fitting", "Options", "Table", "TableModel", "UserError", "fit", "from_frame", "read_table"]
