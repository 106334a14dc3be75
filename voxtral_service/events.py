"""What rooms say to each other: frozen values, no behaviour.

Times are seconds from the first sample of the stream or file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from voxtral_service.chat import Message, Tool
from voxtral_service.tool_servers import ToolServer


@dataclass(frozen=True, slots=True)
class Word:
    """One word with the time it was spoken.

    `end` is the engine's measurement; engines that only mark ends (Voxtral Realtime) estimate `start`, those that mark
    nothing (Voxtral 2507) both: `Capabilities.word_times` tells.
    """

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of text as the model wrote it; `logprob` is the natural logarithm of its probability."""

    id: int
    text: str
    logprob: float


@dataclass(frozen=True, slots=True)
class Score:
    """How sure an engine is of a stretch of text; what it cannot tell is None.

    `avg_logprob` is the mean over tokens, natural logarithm; `no_speech_prob` is 0 to 1; `temperature` is the one that
    the text was sampled at, 0 for greedy.
    """

    avg_logprob: float | None = None
    no_speech_prob: float | None = None
    temperature: float = 0.0


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What an engine has to say since it last spoke.

    `delta` extends the transcript for good; `tail` follows it, is still unsure, and is replaced by the next hypothesis.
    `words` and `tokens` are those that `delta` completed (engines that keep no probabilities give no tokens);
    `audio_seconds` is how much audio has been worked through. `language` (detected or as told) and `score` come with
    the final hypothesis at the latest.
    """

    delta: str
    words: tuple[Word, ...] = ()
    tail: str = ""
    audio_seconds: float = 0.0
    final: bool = False
    tokens: tuple[Token, ...] = ()
    language: str | None = None
    score: Score | None = None


@dataclass(frozen=True, slots=True)
class Transcript:
    """Everything an engine heard in a clip or a stream."""

    text: str
    words: tuple[Word, ...]
    duration: float
    language: str | None = None


# -- files


@dataclass(frozen=True, slots=True)
class SegmentDelta:
    """Text that extends a segment of a recording for good."""

    segment: int
    text: str


@dataclass(frozen=True, slots=True)
class TranscriptSegment:
    """A stretch of a recording and all that is said in it, final; times on the recording's clock.

    Segments of one recording are numbered from 0, join up without gap or overlap and come in order.
    """

    id: int
    start: float
    end: float
    text: str
    words: tuple[Word, ...] = ()
    tokens: tuple[Token, ...] = ()
    language: str | None = None
    score: Score | None = None


FileEvent = SegmentDelta | TranscriptSegment


# -- live sessions: settings, what a caller says, what it hears


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """How a session's audio bytes are to be read.

    `encoding` is one of pcm_s16le, pcm_s24le, pcm_s32le, pcm_f16le, pcm_f32le, pcm_u8, pcm_mulaw, pcm_alaw, or
    `container` for a self-describing stream (WebM, Ogg, ...), whose own rate and channels then count.
    """

    encoding: str = "pcm_s16le"
    sample_rate: int = 16_000
    channels: int = 1


@dataclass(frozen=True, slots=True)
class ServerVad:
    """Turns end after a fixed silence.

    `threshold` is a speech probability, 0 to 1, and so is `end_threshold`, below which nobody speaks (None: a little
    below the other); a turn includes `prefix_padding_ms` before speech was detected; with `idle_timeout_ms` the caller
    is told when nobody has spoken for so long.
    """

    threshold: float = 0.5
    prefix_padding_ms: int = 300
    silence_duration_ms: int = 500
    idle_timeout_ms: int | None = None
    end_threshold: float | None = None


@dataclass(frozen=True, slots=True)
class SemanticVad:
    """Turns end sooner when the words so far look finished, later when they do not.

    The longest wait is 8 s at low eagerness, 4 s at medium, 2 s at high.
    """

    eagerness: Literal["low", "medium", "high"] = "medium"
    threshold: float = 0.5
    prefix_padding_ms: int = 300


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """Everything about a session that can change while audio flows.

    Without turn detection a turn begins with the first sample and ends when the caller commits it or ends the audio.
    `delay_ms` as of the engine port, None for the model's own; `vocabulary` are words the speaker is likely to use,
    `languages` those that may be spoken, where `language` does not tell.
    """

    audio_format: AudioFormat = AudioFormat()
    turn_detection: ServerVad | SemanticVad | None = ServerVad()
    delay_ms: int | None = None
    language: str | None = None
    vocabulary: tuple[str, ...] = ()
    prompt: str = ""
    languages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Configure:
    """Use these settings from here on; audio already sent keeps its own."""

    settings: SessionSettings


@dataclass(frozen=True, slots=True)
class AppendAudio:
    """More audio in the session's format; may be cut anywhere, even inside a sample."""

    data: bytes


@dataclass(frozen=True, slots=True)
class CommitTurn:
    """The turn that is open ends with the audio sent so far; with none open, NothingToCommit says so."""


@dataclass(frozen=True, slots=True)
class ClearAudio:
    """Forget the turn that is open and what was said in it."""


@dataclass(frozen=True, slots=True)
class EndAudio:
    """No audio will follow: the open turn ends, and after its final transcript the session does."""


Command = Configure | AppendAudio | CommitTurn | ClearAudio | EndAudio


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """Somebody began to speak; `at` counts the padding before the speech. Turns are numbered from 1."""

    turn: int
    at: float


@dataclass(frozen=True, slots=True)
class TurnEagerEnd:
    """The speaker may have finished: a listener may start on an answer, and must drop it if the turn resumes."""

    turn: int
    at: float


@dataclass(frozen=True, slots=True)
class TurnResumed:
    """The speaker went on after an eager end."""

    turn: int
    at: float


EndReason = Literal["silence", "timeout", "committed", "ended", "cleared"]


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """The turn is over; its final transcript follows, unless it was cleared."""

    turn: int
    start: float
    end: float
    reason: EndReason


@dataclass(frozen=True, slots=True)
class TranscriptDelta:
    """Text that extends a turn's transcript for good; `heard` is how much audio it took, on the session's clock."""

    turn: int
    text: str
    heard: float | None = None


@dataclass(frozen=True, slots=True)
class TranscriptFinal:
    """All of a turn: `text` is the sum of its deltas, `words` have times on the session's clock."""

    turn: int
    text: str
    words: tuple[Word, ...]
    start: float
    end: float
    language: str | None = None


@dataclass(frozen=True, slots=True)
class TranscriptFailed:
    """A turn's transcript will not come, or not whole; the session goes on."""

    turn: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class NothingToCommit:
    """A commit found no open turn; everything said before it has been transcribed."""


@dataclass(frozen=True, slots=True)
class IdleTimeout:
    """Nobody has spoken from `start` to `end`, as long as the settings allow."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class AudioRejected:
    """Some audio could not be used, and why; the session goes on."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """The last event: everything has been said."""

    audio_seconds: float


@dataclass(frozen=True, slots=True)
class TurnAudio:
    """All the sound of a turn that has ended, 32-bit floats at 16 kHz, for listeners that understand sound.

    It comes before the final transcript, from sessions that were asked for it.
    """

    turn: int
    samples: bytes


SessionEvent = (
    TurnStarted
    | TurnEagerEnd
    | TurnResumed
    | TurnEnded
    | TurnAudio
    | TranscriptDelta
    | TranscriptFinal
    | TranscriptFailed
    | NothingToCommit
    | IdleTimeout
    | AudioRejected
    | SessionEnded
)


# -- the assistant: what may be asked of it, what it says


@dataclass(frozen=True, slots=True)
class Clip:
    """Sound that a caller put into a message."""

    data: bytes
    audio_format: AudioFormat


@dataclass(frozen=True, slots=True)
class ResponseSettings:
    """How one conversation is to be held; what is empty or None is the server's own.

    Answers that are `spoken` come as sound in `audio_format` beside their text, no faster than it is heard if they are
    `paced`; `voice` is a name that the synthesizer knows, `speed` goes from 0.25 to 4. `tools` are the caller's own,
    and called by the caller. With `tool_name` that tool and no other is to be called.

    With `answers` a turn is answered as soon as it has ended, else when CreateResponse says so. With `interrupts`
    somebody who begins to speak stops the answer; with `assent` too, words like "mm-hm" do not.
    """

    instructions: str = ""
    spoken: bool = True
    paced: bool = True
    audio_format: AudioFormat = AudioFormat("pcm_s16le", 24_000)
    voice: str = ""
    speed: float = 1.0
    tools: tuple[Tool, ...] = ()
    tool_choice: Literal["auto", "none", "required"] = "auto"
    tool_name: str = ""
    max_tokens: int | None = None
    answers: bool = True
    interrupts: bool = True
    assent: bool = False


@dataclass(frozen=True, slots=True)
class ConfigureResponses:
    """Answer like this from the next answer on. Before the first of these nothing is answered."""

    settings: ResponseSettings


@dataclass(frozen=True, slots=True)
class PutMessage:
    """A message for the conversation, or another in the place of the one of this key.

    Turns are kept as `turn N`, answers as `response N`. A new message goes behind the one named by `after`; None is the
    end, and so is a key that is not there; "" is the front.
    """

    key: str
    message: Message[Clip]
    after: str | None = None


@dataclass(frozen=True, slots=True)
class RemoveMessage:
    """Forget a message, if it is there."""

    key: str


@dataclass(frozen=True, slots=True)
class CreateResponse:
    """Answer, when all that was said before has been understood; ResponseStarted or ResponseRefused has its `tag`.

    With `settings` this answer is made with others than the conversation's. `input` is what it reads in place of the
    conversation: messages, and keys of some that are there. What is `apart` goes on beside the conversation, which
    does not hear of it.
    """

    tag: str = ""
    settings: ResponseSettings | None = None
    input: tuple[Message[Clip] | str, ...] | None = None
    apart: bool = False


@dataclass(frozen=True, slots=True)
class CancelResponse:
    """Stop this answer, None for the one of the conversation; nothing happens when it is not under way."""

    response: int | None = None


@dataclass(frozen=True, slots=True)
class Truncate:
    """Of this response only so much was played; more than there was counts as all of it."""

    response: int
    audio_ms: int


@dataclass(frozen=True, slots=True)
class UseToolServers:
    """Let the model call the tools of these servers, and of none that were named before; each is told of by
    ToolServerReady or ToolServerFailed. Those that have not changed stay connected, and are told of again.
    """

    servers: tuple[ToolServer, ...]


@dataclass(frozen=True, slots=True)
class DecideApproval:
    """Whether a call that ResponseApprovalRequest tells of may be made. An answer follows, as soon as nobody speaks.

    Nothing happens for a call that nobody asked about, or that has been decided on.
    """

    call_id: str
    approve: bool
    reason: str = ""


AssistantCommand = (
    ConfigureResponses
    | PutMessage
    | RemoveMessage
    | CreateResponse
    | CancelResponse
    | Truncate
    | UseToolServers
    | DecideApproval
)


@dataclass(frozen=True, slots=True)
class ResponseStarted:
    """An answer begins, to this turn (None: by command). Responses are numbered from 1.

    `tag` and `apart` are those of the command.
    """

    response: int
    turn: int | None
    tag: str = ""
    apart: bool = False


@dataclass(frozen=True, slots=True)
class ResponseRefused:
    """The answer that a command asked for will not come."""

    tag: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ResponseText:
    """Text that extends a response, as the model wrote it; it may be ahead of the sound."""

    response: int
    text: str


@dataclass(frozen=True, slots=True)
class ResponseAudio:
    """More of a response's sound, mono, in the encoding that was asked for (16-bit little-endian unless it was).

    `at` and the words' times are seconds from its first sample.
    """

    response: int
    data: bytes
    sample_rate: int
    at: float
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class ResponseToolCall:
    """The model wants a tool called. With `here`, that is done here, else by the caller.

    `server` is the label of the tool server that is asked, if one is; `name` is then its own for the tool. `approval`
    is the `call_id` of the ResponseApprovalRequest that the caller has agreed to.
    """

    response: int
    call_id: str
    name: str
    arguments: str
    here: bool
    server: str = ""
    approval: str = ""


@dataclass(frozen=True, slots=True)
class ResponseToolResult:
    """What a tool that was called here gave, or why it gave nothing."""

    response: int
    call_id: str
    output: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class ResponseApprovalRequest:
    """The model wants a tool of a server called, which waits for DecideApproval; the response ends without it."""

    response: int
    call_id: str
    server: str
    name: str
    arguments: str


ResponseEnd = Literal["completed", "length", "tool_calls", "interrupted", "cancelled", "failed"]


@dataclass(frozen=True, slots=True)
class ResponseEnded:
    """Nothing of a response follows; its last sound may still be playing.

    `code` and `message` tell of the failure, if it was one.
    """

    response: int
    reason: ResponseEnd
    audio_seconds: float
    prompt_tokens: int = 0
    completion_tokens: int = 0
    code: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class ResponseTruncated:
    """The conversation keeps only `text` of a response: what was heard of it."""

    response: int
    audio_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class ToolServerReady:
    """A server's tools can be called; `tools` have the names that it gives them."""

    server: str
    tools: tuple[Tool, ...]


@dataclass(frozen=True, slots=True)
class ToolServerFailed:
    """A server's tools cannot be called, and why."""

    server: str
    code: str
    message: str


AssistantEvent = (
    ResponseStarted
    | ResponseRefused
    | ResponseText
    | ResponseAudio
    | ResponseToolCall
    | ResponseToolResult
    | ResponseApprovalRequest
    | ResponseEnded
    | ResponseTruncated
    | ToolServerReady
    | ToolServerFailed
)

Event = SessionEvent | AssistantEvent
