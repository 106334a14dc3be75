"""Everything that conversations on one machine share, and a responder for each of them."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from voxtral_service.assistant.answer import AnswerSettings, Parts
from voxtral_service.assistant.context import question_of
from voxtral_service.assistant.conversation import Conversation
from voxtral_service.assistant.knowledge import Knowledge
from voxtral_service.assistant.llm import LanguageModel
from voxtral_service.assistant.makings import ResponderSettings, Understand
from voxtral_service.assistant.mcp_servers import SharedServers
from voxtral_service.assistant.responder import Responder
from voxtral_service.assistant.speech import Synthesizer
from voxtral_service.assistant.tools import Callee, Toolbox
from voxtral_service.assistant.tools_calculator import CALCULATOR
from voxtral_service.assistant.tools_clock import clock_tool
from voxtral_service.assistant.tools_timers import Timers
from voxtral_service.assistant.tools_units import UNITS

INSTRUCTIONS = (
    "You are a helpful voice assistant. You are heard, not read: answer in one or two short plain sentences, without "
    "lists, markup or addresses. What you hear was transcribed and may have mistakes in it; take it as it was meant. "
    "Use your tools for whatever they can tell."
)


@dataclass(frozen=True, slots=True)
class AssistantSettings:
    """What an assistant is unless a caller says otherwise. Without `tools` it has none of its own."""

    instructions: str = INSTRUCTIONS
    answer: AnswerSettings = field(default_factory=AnswerSettings)
    home: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    tools: bool = True


class Assistant:
    """Made once; `open` begins a conversation.

    `more_tools` are asked for what the owner of a conversation has beside the common tools, `knowledge` for his
    memories and documents, `servers` for the tools of other servers; `closing` frees what the model holds.
    """

    def __init__(
        self,
        model: LanguageModel,
        synthesizer: Synthesizer | None,
        settings: AssistantSettings,
        *,
        hears: bool = False,
        understand: Understand | None = None,
        more_tools: Sequence[Callable[[str], Iterable[Callee]]] = (),
        knowledge: Knowledge | None = None,
        servers: SharedServers | None = None,
        closing: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.hears = hears
        self.synthesizer = synthesizer
        self._model, self._settings = model, settings
        self._understand = understand
        self._more_tools, self._knowledge, self._closing = more_tools, knowledge, closing
        self._servers = servers

    async def settled(self, seconds: float = 5.0) -> None:
        """Connect to tool servers, and wait for them for so long: for whoever asks one question and leaves."""
        if self._servers is not None:
            await self._servers.settled(seconds)

    def start(self) -> None:
        """Begin to connect to tool servers, in the running event loop."""
        if self._servers is not None:
            self._servers.start()

    def open(self, owner: str, project: str | None = None) -> Responder:
        """Somebody who answers, in the running event loop; silent until it is told how (ConfigureResponses).

        `owner` is whose memories, documents and timers those of this conversation are. In one of his projects it is
        kept there, follows the project's instructions, and knows no other documents.
        """

        async def announce(text: str) -> None:
            await responder.announce(text)

        timers = Timers(announce)
        common = (clock_tool(self._settings.home, time.time), CALCULATOR, UNITS, *timers.tools())
        servers = self._servers.session() if self._servers is not None else None
        own = [tool for more in self._more_tools for tool in more(owner)]
        keeper = context = None
        if (knowledge := self._knowledge) is not None:
            keeper = knowledge.keeper(owner, project) if project is not None else None
            context = knowledge.context(owner, project)
            own += knowledge.tools(owner, project, said=lambda: question_of(conversation.messages()))
        conversation = Conversation(self._settings.instructions, told=keeper.put if keeper is not None else None)
        parts = Parts(
            self._model,
            self.synthesizer,
            Toolbox((*common, *own) if self._settings.tools else (), servers=servers),
            context=context,
            hears=self.hears,
        )
        silent = ResponderSettings(
            self._settings.answer,
            answers=False,
            guesses=not self.hears,  # what sounds like the words so far may go on differently
            interrupts=False,
        )
        responder = Responder(
            parts,
            silent,
            conversation,
            understand=self._understand,
            at_close=(timers.close,),
        )
        return responder

    async def close(self) -> None:
        """Free what the model holds, break off from tool servers; the synthesizer belongs to whoever made it."""
        if self._servers is not None:
            await self._servers.close()
        if self._closing is not None:
            await self._closing()
