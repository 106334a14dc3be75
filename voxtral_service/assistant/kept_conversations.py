"""Conversations that projects keep, turn by turn. Every method is one transaction; all block."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from voxtral_service.assistant.projects import project_row
from voxtral_service.database.database import Database
from voxtral_service.database.tables import conversation_turns, conversations
from voxtral_service.database.words import one_line, storable
from voxtral_service.errors import ConversationNotFound

MOST = 1000
"""Conversations of one project; the oldest go first."""
MOST_TURNS = 2000
"""Turns of one conversation; the oldest go first."""
MAX_TEXT = 20_000
"""Characters of one turn."""
Speaker = Literal["user", "assistant"]


@dataclass(frozen=True, slots=True)
class KeptConversation:
    """A conversation of a project; `opening` is what was said first, `turns` how much there is."""

    id: str
    opening: str
    turns: int
    created_at: float
    changed_at: float


@dataclass(frozen=True, slots=True)
class KeptTurn:
    """What one side said."""

    role: Speaker
    text: str
    created_at: float


class KeptConversations:
    """All conversations of all owners; what an owner asks for is looked for in his own projects."""

    def __init__(self, database: Database, *, most: int = MOST, clock: Callable[[], float] = time.time) -> None:
        self._database, self._most, self._clock = database, most, clock

    def begin(self, project: str, owner: str) -> str:
        """A new conversation's id; raises ProjectNotFound. The oldest one goes if there are too many."""
        id, now = "conv_" + secrets.token_hex(12), self._clock()
        with self._database.write() as connection:
            project_id = project_row(connection, project, owner).id
            values = {"id": id, "project_id": project_id, "created_at": now, "changed_at": now}
            connection.execute(conversations.insert().values(values))
            here = conversations.c.project_id == project_id
            newest = conversations.c.changed_at.desc(), conversations.c.created_at.desc(), conversations.c.id
            old = sa.select(conversations.c.id).where(here).order_by(*newest).limit(100).offset(self._most)
            connection.execute(conversations.delete().where(conversations.c.id.in_(old)))
        return id

    def put(self, id: str, project: str, owner: str, key: str, role: Speaker, text: str) -> None:
        """Add a turn, or change the one of this key in its place; one without text is none.

        Raises ProjectNotFound, and ConversationNotFound for one that was deleted.
        """
        text = storable(text).strip()[:MAX_TEXT]
        with self._database.write() as connection:
            row = _row(connection, id, project, owner)
            turns = conversation_turns.c.conversation_id == row.id
            this = turns & (conversation_turns.c.key == key)
            if not text:
                connection.execute(conversation_turns.delete().where(this))
                return
            now = self._clock()
            connection.execute(conversations.update().where(conversations.c.id == row.id).values(changed_at=now))
            if connection.execute(conversation_turns.update().where(this).values(text=text)).rowcount:
                return
            last = connection.execute(sa.select(sa.func.max(conversation_turns.c.place)).where(turns)).scalar() or 0
            values = {"key": key, "place": last + 1, "role": role, "text": text, "created_at": now}
            connection.execute(conversation_turns.insert().values(conversation_id=row.id, **values))
            connection.execute(
                conversation_turns.delete().where(turns, conversation_turns.c.place <= last + 1 - MOST_TURNS)
            )

    def list(self, project: str, owner: str, *, limit: int = 100) -> Sequence[KeptConversation]:
        """A project's conversations, the latest first; raises ProjectNotFound."""
        with self._database.read() as connection:
            here = conversations.c.project_id == project_row(connection, project, owner).id
            latest = conversations.c.changed_at.desc(), conversations.c.id.desc()
            query = _with_turns().where(here).order_by(*latest).limit(limit)
            return [_conversation(row) for row in connection.execute(query)]

    def get(self, id: str, project: str, owner: str) -> tuple[KeptConversation, Sequence[KeptTurn]]:
        """A conversation and what was said in it; raises ProjectNotFound and ConversationNotFound."""
        with self._database.read() as connection:
            row = _row(connection, id, project, owner)
            found = connection.execute(_with_turns().where(conversations.c.id == row.id)).one()
            query = sa.select(conversation_turns).where(conversation_turns.c.conversation_id == row.id)
            turns = connection.execute(query.order_by(conversation_turns.c.place))
            return _conversation(found), [KeptTurn(turn.role, turn.text, turn.created_at) for turn in turns]

    def remove(self, id: str, project: str, owner: str) -> None:
        """Forget a conversation; raises ProjectNotFound and ConversationNotFound."""
        with self._database.write() as connection:
            row = _row(connection, id, project, owner)
            connection.execute(conversations.delete().where(conversations.c.id == row.id))


def _with_turns() -> sa.Select[Any]:
    turns = conversation_turns.alias()
    mine = turns.c.conversation_id == conversations.c.id
    count = sa.select(sa.func.count()).select_from(turns).where(mine).scalar_subquery()
    first = sa.select(turns.c.text).where(mine).order_by(turns.c.place).limit(1).scalar_subquery()
    return sa.select(conversations, count.label("turns"), first.label("opening"))


def _row(connection: sa.Connection, id: str, project: str, owner: str) -> sa.Row[Any]:
    project_id = project_row(connection, project, owner).id
    query = sa.select(conversations).where(conversations.c.id == one_line(id), conversations.c.project_id == project_id)
    if (row := connection.execute(query).first()) is None:
        raise ConversationNotFound(f"there is no conversation {id[:80]!r} in this project", field="conversation")
    return row


def _conversation(row: sa.Row[Any]) -> KeptConversation:
    return KeptConversation(row.id, (row.opening or "")[:200], row.turns, row.created_at, row.changed_at)
