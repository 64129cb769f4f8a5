"""Rows by the thousand, written without an object or a translation for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy.orm import Session
from sqlalchemy.sql import ClauseElement


def insert_rows(
    session: Session, statement: ClauseElement, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Execute an INSERT once per row; all rows have the same columns, and give all its values.

    The statement is translated for the database once, and the values go to its driver as they are:
    text, numbers, bytes and None, which is all that the tables hold.
    """
    if not rows:
        return
    connection = session.connection()
    compiled = statement.compile(dialect=connection.dialect, column_keys=list(rows[0]))
    names = getattr(compiled, "positiontup", None)
    if names is None:  # the driver takes values by name
        connection.exec_driver_sql(str(compiled), [dict(each) for each in rows])
    elif len(names) == 1:
        connection.exec_driver_sql(str(compiled), [(each[names[0]],) for each in rows])
    else:
        connection.exec_driver_sql(str(compiled), list(map(itemgetter(*names), rows)))
