"""Alembic's migrations of the store; run by `portproof.store.schema`, shipped in the wheel.

One file per revision in `versions/`, named `r<revision>_<what>.py`; a released one is never
changed. There is no way down: `downgrade` is not offered (see `store.schema`).
"""
