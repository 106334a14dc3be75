"""Every counter and histogram of this service, for Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0)

SESSIONS = Gauge("voxtral_sessions", "Live sessions that are open", ["dialect"])
SESSIONS_TOTAL = Counter("voxtral_sessions_opened", "Live sessions that were ever open", ["dialect"])
PLACES = Gauge("voxtral_places", "Live sessions this server takes at once")
REFUSED = Counter("voxtral_refused", "Connections that were refused", ["reason"])
STALLED = Counter("voxtral_stalled", "Connections that were closed because their reader did not read")
AUDIO_SECONDS = Counter("voxtral_audio_seconds", "Seconds of audio taken in by live sessions")
TURNS = Counter("voxtral_turns", "Turns that ended", ["reason"])
FAILED_TURNS = Counter("voxtral_failed_turns", "Turns whose transcript did not come, or not whole", ["code"])
FIRST_TEXT = Histogram("voxtral_first_text_seconds", "From the start of a turn to its first text", buckets=_SECONDS)
FINAL_TEXT = Histogram("voxtral_final_text_seconds", "From the end of a turn to its final transcript", buckets=_SECONDS)
STEP = Histogram(
    "voxtral_step_seconds",
    "One batched step of the engine",
    buckets=(0.001, 0.002, 0.004, 0.008, 0.016, 0.03, 0.05, 0.08, 0.12, 0.2, 0.5, 1.0),
)
STEP_STREAMS = Histogram(
    "voxtral_step_streams", "Streams in a batched step", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
)
RESCUED = Counter("voxtral_rescued_tokens", "Tokens written only because the blank-rut watchdog stepped in")
