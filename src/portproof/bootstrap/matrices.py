"""The book of segmentation matrices of an open store."""

from __future__ import annotations

from portproof.contracts import Store
from portproof.errors import StoreError
from portproof.usecases.segmentation_record import MatrixBook

__all__ = ["matrices_of"]


def matrices_of(store: Store) -> MatrixBook:
    """Give the matrices that are kept beside the runs.

    Raises:
        StoreError: the store is of a kind that keeps none.
    """
    from portproof.store import SqlStore  # noqa: PLC0415 - SQLAlchemy, for who needs it
    from portproof.store.matrices import SqlMatrices  # noqa: PLC0415 - the same

    if not isinstance(store, SqlStore):
        raise StoreError("this store keeps no segmentation records: use a SQLite file")
    return SqlMatrices(store.database)
