"""What must be settled before anything imports torch or the model hub."""

from __future__ import annotations

import atexit
import os
import tempfile
from pathlib import Path

# Tiny models on many threads are 80 times slower on a busy machine.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
os.environ["HF_HUB_OFFLINE"] = "1"
# Settings of whoever runs the tests are none of theirs.
for name in [name for name in os.environ if name.startswith("VOXTRAL_")]:
    del os.environ[name]
os.environ["VOXTRAL_CONFIG"] = os.devnull
# Texts are compared to the letter, whatever company they were heard in and whatever the machine's instructions are.
os.environ["VOXTRAL_DTYPE"] = "float32"
# A busy machine is late, and a server must not turn a test's clients away for it.
os.environ["VOXTRAL_LAG_BOUND"] = "60"
# Machine code is made by the test that asks for it, and kept for no other.
os.environ["VOXTRAL_COMPILE"] = "false"
_data = tempfile.TemporaryDirectory(prefix="voxtral-")
atexit.register(_data.cleanup)
os.environ["VOXTRAL_DATA_DIR"] = _data.name
os.environ["XDG_CACHE_HOME"] = f"{_data.name}/cache"

import pytest  # noqa: E402
import torch  # noqa: E402
from hypothesis import settings  # noqa: E402

from tests.postgres import database, new_sqlite, postgres_url  # noqa: E402, F401

torch.set_num_threads(1)

# The first example of a test pays for lazy imports, and a busy machine is no failure.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def offline_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model of the Voxtral 2507 kind."""
    from tests import tiny

    return tiny.write_offline_model(tmp_path_factory.mktemp("offline"))
