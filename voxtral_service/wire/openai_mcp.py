"""Tool servers as OpenAI's clients name them: tools of type `mcp` in a session."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from voxtral_service.tool_servers import ALWAYS, NEVER, ApprovalRule, ToolFilter, ToolServer
from voxtral_service.wire import frames
from voxtral_service.wire.frames import JsonObject
from voxtral_service.wire.openai_errors import Rejected

MOST_SERVERS = 8


def tool_servers(tools: Iterable[JsonObject]) -> tuple[ToolServer, ...]:
    """The servers among a session's tools. Raises Rejected for one that cannot be meant."""
    servers = [_server(tool) for tool in tools if tool.get("type") == "mcp"]
    labels = {server.label for server in servers}
    if len(labels) != len(servers) or len(servers) > MOST_SERVERS:
        raise Rejected(f"At most {MOST_SERVERS} MCP servers, each with a label of its own.", param="session.tools")
    return tuple(servers)


def without_secrets(tool: JsonObject) -> JsonObject:
    """A tool as it may be shown to whoever is connected."""
    if tool.get("type") != "mcp":
        return tool
    return {name: value for name, value in tool.items() if name not in ("authorization", "headers")}


def _server(tool: JsonObject) -> ToolServer:
    label, url = frames.text(tool.get("server_label")), frames.text(tool.get("server_url"))
    if not label:
        raise Rejected("An MCP tool has a 'server_label'.", param="session.tools")
    if not url or not url.startswith(("http://", "https://")):
        raise Rejected("An MCP tool has a 'server_url'; there are no connectors here.", param="session.tools")
    given = tool.get("headers")
    headers = (
        {name: value for name, value in given.items() if isinstance(value, str)} if isinstance(given, dict) else {}
    )
    if token := frames.text(tool.get("authorization")):
        headers["Authorization"] = f"Bearer {token}"
    return ToolServer(
        label, url, headers, _filter(tool.get("allowed_tools")) or ToolFilter(), _rule(tool.get("require_approval"))
    )


def _filter(value: Any) -> ToolFilter | None:
    if isinstance(value, list):
        return ToolFilter(frozenset(name for name in value if isinstance(name, str)))
    if not isinstance(value, dict):
        return None
    names, read_only = value.get("tool_names"), value.get("read_only")
    return ToolFilter(
        frozenset(name for name in names if isinstance(name, str)) if isinstance(names, list) else None,
        read_only if isinstance(read_only, bool) else None,
    )


def _rule(value: Any) -> ApprovalRule:
    """OpenAI asks before every call unless it is told otherwise."""
    if value == "never":
        return NEVER
    if isinstance(value, dict):
        return ApprovalRule(_filter(value.get("always")), _filter(value.get("never")))
    return ALWAYS
