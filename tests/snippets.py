"""What pages show, and what it prints when it is run word for word."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

PYTHON = (sys.executable, "-W", "ignore", "-c")


def blocks(page: str, language: str) -> list[str]:
    """The blocks of code of one language in a page of Markdown."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def run(*command: str, folder: Path, port: int = 8000, **environment: str) -> str:
    """What a command prints, run in a folder; the port of the server that pages speak of is replaced."""
    done = subprocess.run(
        [part.replace("127.0.0.1:8000", f"127.0.0.1:{port}") for part in command],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


async def printed(*command: str, folder: Path, port: int = 8000, **environment: str) -> str:
    """The same, while a server goes on in this process."""
    return await asyncio.to_thread(run, *command, folder=folder, port=port, **environment)
