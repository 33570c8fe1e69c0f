"""Sample applications before and after one rule's fix: a module a rule, both versions in it side by side.

A module has `PAIR`. Its `traffic` is the application with its users: `mended` says which of the two it is.
"""

from __future__ import annotations

from benchmarks.savings.pairs import (
    compact_context,
    deduplicate_requests,
    extend_cache_ttl,
    fix_truncation,
    lower_effort,
    repair_prompt_cache,
    speed_up_tool_loop,
    use_batches,
    use_fast_mode,
)

PAIRS = (
    compact_context.PAIR,
    repair_prompt_cache.PAIR,
    extend_cache_ttl.PAIR,
    lower_effort.PAIR,
    speed_up_tool_loop.PAIR,
    fix_truncation.PAIR,
    use_batches.PAIR,
    deduplicate_requests.PAIR,
    use_fast_mode.PAIR,
)
