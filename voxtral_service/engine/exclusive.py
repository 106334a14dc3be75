"""One checkpoint at a time is loaded through transformers in a process.

While it loads one, transformers sets torch's default type and replaces functions that initialise weights, for the whole
process: a second load in another thread ends with weights that are missing or untied, and no error says so.
"""

from __future__ import annotations

import threading

TRANSFORMERS_LOADING = threading.Lock()
