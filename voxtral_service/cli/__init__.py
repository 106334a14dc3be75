"""The `voxtral` command."""

from __future__ import annotations

import os


def main() -> None:
    """Run the command line and exit."""
    # OpenMP reads it once, when torch is imported. Threads that spin between 80 ms steps starve everything else.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from voxtral_service.cli.app import app

    app(prog_name="voxtral")
