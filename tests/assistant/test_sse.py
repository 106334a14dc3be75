from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxtral_service.assistant.sse import MAX_EVENT, EventStream
from voxtral_service.errors import UpstreamError

LINES = st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=20)


@given(st.lists(st.lists(LINES, min_size=1, max_size=3), max_size=5), st.data())
def test_events_come_out_wherever_the_bytes_are_cut(events: list[list[str]], data: st.DataObject) -> None:
    end = data.draw(st.sampled_from(["\n", "\r\n", "\r"]))
    text = "".join(
        f": comment{end}event: x{end}" + "".join(f"data: {line}{end}" for line in lines) + end for lines in events
    )
    raw = text.encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=8)))
    stream = EventStream()
    heard: list[str] = []
    for start, stop in zip([0, *cuts], [*cuts, len(raw)], strict=True):
        heard += stream.push(raw[start:stop])
    assert heard == ["\n".join(lines) for lines in events]


def test_a_byte_order_mark_and_data_without_a_space() -> None:
    assert list(EventStream().push("\ufeffdata:1\n\ndata\n\n\n".encode())) == ["1", ""]


def test_an_event_without_end_is_given_up() -> None:
    with pytest.raises(UpstreamError):
        list(EventStream().push(b"data: " + b"x" * MAX_EVENT))
    stream = EventStream()
    lines = b"data: x\n" * (MAX_EVENT // 7)
    with pytest.raises(UpstreamError):
        list(stream.push(lines + b"data: x\n"))
