"""Hypothesis strategies for any value of the model, made from the types' own hints."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from portproof.model.ports import PortSet

FEW = 2

PORT_SETS = st.one_of(
    st.just(PortSet.all_ports()),
    st.just(PortSet.empty()),
    st.lists(st.integers(0, 65535), max_size=5).map(PortSet.from_iterable),
)
V4 = st.integers(0, 2**32 - 1).map(IPv4Address)
V6 = st.integers(0, 2**128 - 1).map(IPv6Address)
NETWORKS_V4 = st.tuples(V4, st.integers(0, 32)).map(lambda pair: IPv4Network(pair, strict=False))
NETWORKS_V6 = st.tuples(V6, st.integers(0, 128)).map(lambda pair: IPv6Network(pair, strict=False))
INSTANTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)).map(  # noqa: DTZ001 - zone follows
    lambda at: at.replace(tzinfo=UTC)
)

PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    int: st.integers(-(2**70), 2**70),
    str: st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    type(None): st.none(),
    datetime: INSTANTS,
    PortSet: PORT_SETS,
    IPv4Address: V4,
    IPv6Address: V6,
    IPv4Network: NETWORKS_V4,
    IPv6Network: NETWORKS_V6,
}


@cache
def any_of(kind: Any) -> st.SearchStrategy[Any]:
    if kind in PLAIN:
        return PLAIN[kind]
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return st.builds(kind, **{each.name: any_of(hints[each.name]) for each in fields(kind)})
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(list(kind))
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return st.one_of([any_of(each) for each in arguments])
    if origin in (tuple, Sequence):
        return st.lists(any_of(arguments[0]), max_size=FEW).map(tuple)
    assert origin is Mapping, kind
    return st.dictionaries(any_of(arguments[0]), any_of(arguments[1]), max_size=FEW)
