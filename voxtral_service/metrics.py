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
FILES = Gauge("voxtral_files", "Uploaded recordings that are taken in or transcribed")
FILES_TOTAL = Counter("voxtral_files_ended", "Uploaded recordings by how they ended", ["outcome"])
FILE_AUDIO_SECONDS = Counter("voxtral_file_audio_seconds", "Seconds of uploaded recordings that were transcribed")
ANSWERS = Counter("voxtral_answers_ended", "Answers to questions about recordings by how they ended", ["outcome"])
SPEECH = Counter("voxtral_speech_ended", "Texts spoken for /v1/audio/speech by how that ended", ["outcome"])
SPEECH_SECONDS = Counter("voxtral_speech_seconds", "Seconds of speech that were made")
FIRST_SOUND = Histogram(
    "voxtral_first_sound_seconds", "From a text to be spoken to the first sound of it", buckets=(0.002, *_SECONDS)
)
TURNS = Counter("voxtral_turns", "Turns that ended", ["reason"])
FAILED_TURNS = Counter("voxtral_failed_turns", "Turns whose transcript did not come, or not whole", ["code"])
LAG = Histogram(
    "voxtral_lag_seconds",
    "From the arrival of live audio until a stage was done with it",
    ["stage"],
    buckets=(
        0.001,
        0.002,
        0.005,
        0.01,
        0.02,
        0.04,
        0.06,
        0.08,
        0.12,
        0.16,
        0.25,
        0.35,
        0.5,
        0.75,
        1.0,
        1.5,
        2.5,
        5.0,
        10.0,
    ),
)
LAG_ACTIVITY = LAG.labels("activity")
"""It was decided whether somebody speaks; counted from the arrival at the session."""
LAG_ENGINE = LAG.labels("engine")
"""The step over an 80 ms frame was done; counted from its arrival at the engine."""
LAG_SENT = LAG.labels("sent")
"""Words were written to the socket; counted from the arrival at the session of the last audio they depend on."""
FIRST_TEXT = Histogram("voxtral_first_text_seconds", "From the start of a turn to its first text", buckets=_SECONDS)
FINAL_TEXT = Histogram("voxtral_final_text_seconds", "From the end of a turn to its final transcript", buckets=_SECONDS)
CAPACITY = Gauge("voxtral_capacity", "Live streams that keep the bound of lag, as measured at the start")
EXPECTED_LAG = Gauge(
    "voxtral_expected_lag_seconds", "From the end of speech to its final text, as the engine's last turns promise"
)
STREAMS = Gauge("voxtral_streams", "Streams that have a place in an engine")
STEP = Histogram(
    "voxtral_step_seconds",
    "One batched step of the engine",
    buckets=(0.001, 0.002, 0.004, 0.008, 0.016, 0.03, 0.05, 0.08, 0.12, 0.2, 0.5, 1.0),
)
STEP_STREAMS = Histogram(
    "voxtral_step_streams", "Streams in a batched step", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
)
RESCUED = Counter("voxtral_rescued_tokens", "Tokens written only because the blank-rut watchdog stepped in")
JOBS = Gauge("voxtral_jobs", "Jobs that have not ended, of all servers on the database", ["status"])
JOBS_ENDED = Counter("voxtral_jobs_ended", "Jobs that this server ended", ["status"])
JOB_WAIT = Histogram(
    "voxtral_job_wait_seconds",
    "From a job's making to the start of its work",
    buckets=(0.1, 1, 10, 60, 600, 3600, 36000),
)
JOB_AUDIO_SECONDS = Counter("voxtral_job_audio_seconds", "Seconds of audio that jobs have worked through")
JOB_FAILURES = Counter("voxtral_job_failures", "Runs of jobs that this side's faults ended")
WEBHOOKS = Counter("voxtral_webhooks", "Attempts to deliver a webhook", ["outcome"])
