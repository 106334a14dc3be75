"""A bound on what FFmpeg allocates, which PyAV gives no way to set."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from types import ModuleType

MAX_ALLOCATION = 128 * 2**20
"""Bytes in one piece. A header may claim a tag of a gigabyte, and FFmpeg would make room for it before looking.
The largest honest piece is the index of an MP4, 24 bytes a packet: 97 MB for a day of sound."""


def limit_allocations(module: ModuleType) -> None:
    """Set the bound in the FFmpeg that an extension module of PyAV is linked with, for the whole process.

    Where the system does not find a library's symbols through those that depend on it (Windows) it stays as it is.
    """
    if module.__file__ is None:
        return
    with suppress(OSError, AttributeError):
        # The command line's option -max_alloc does the same; beyond the bound, allocations fail with ENOMEM.
        set_limit = ctypes.CDLL(module.__file__).av_max_alloc
        set_limit.argtypes, set_limit.restype = [ctypes.c_size_t], None
        set_limit(MAX_ALLOCATION)
