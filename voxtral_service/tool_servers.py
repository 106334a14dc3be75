"""Servers of tools (Model Context Protocol) that callers or the operator name, and which calls are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

LABEL = "[A-Za-z][A-Za-z0-9_-]{0,39}"
"""What servers may be called; models are told of their tools by names that begin with it."""


@dataclass(frozen=True, slots=True)
class ToolFilter:
    """Some of a server's tools: those of these names (None: of any), and with `read_only` those only that the server
    says, or does not say, to leave everything as it is.
    """

    names: frozenset[str] | None = None
    read_only: bool | None = None

    def covers(self, name: str, *, read_only: bool) -> bool:
        """Whether it is one of them."""
        return (self.names is None or name in self.names) and self.read_only in (None, read_only)


@dataclass(frozen=True, slots=True)
class ApprovalRule:
    """Before which calls the caller is asked: those that `always` covers, and all that `never` does not."""

    always: ToolFilter | None = None
    never: ToolFilter | None = None

    def asks(self, name: str, *, read_only: bool) -> bool:
        """Whether the caller is asked."""
        if self.always is not None and self.always.covers(name, read_only=read_only):
            return True
        return self.never is None or not self.never.covers(name, read_only=read_only)


ALWAYS = ApprovalRule()
NEVER = ApprovalRule(never=ToolFilter())


@dataclass(frozen=True, slots=True)
class ToolServer:
    """A server that a caller names: `label` is what it is called by, `url` its streamable HTTP endpoint, `headers` go
    with every request to it, and are nobody else's.
    """

    label: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    allowed: ToolFilter = ToolFilter()
    approval: ApprovalRule = ALWAYS
