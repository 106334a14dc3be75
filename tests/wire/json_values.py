"""JSON that nobody meant to send."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([0, -1, 2**31, 2**63, 10**400])
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["", "\ud800", "\0", "pcm_s16le", "AAAA", "A" * 1000])
)


def json_values() -> st.SearchStrategy[Any]:
    """Any tree; its numbers may be NaN or infinite, because Python's JSON writes those too."""
    return st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=8,
    )


@st.composite
def altered(draw: st.DrawFn, valid: st.SearchStrategy[Any]) -> Any:
    """A valid value, with a few of its parts replaced, removed or joined by others."""
    value = draw(valid)
    for _ in range(draw(st.integers(0, 3))):
        value = _altered(draw, value)
    return value


def _altered(draw: st.DrawFn, value: Any) -> Any:
    if not isinstance(value, dict) or not value or draw(st.integers(0, 9)) == 0:
        return draw(json_values())
    key = draw(st.sampled_from(sorted(value)))
    match draw(st.sampled_from(["deeper", "deeper", "remove", "add"])):
        case "remove":
            return {name: item for name, item in value.items() if name != key}
        case "add":
            return value | {draw(st.text(max_size=8)): draw(json_values())}
    return value | {key: _altered(draw, value[key])}
