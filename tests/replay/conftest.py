"""A key for prompt hashes: no test makes a key file in the home of whoever runs it."""

from __future__ import annotations

import os

os.environ.setdefault("FIRSTTOKEN_HASH_KEY", "a key of the tests")
