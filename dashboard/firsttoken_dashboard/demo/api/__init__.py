"""A look-alike of the Claude Messages API on loopback: real HTTP and SSE, simulated models, exact clocks.

    with LookAlike(seed=7) as api:
        client = anthropic.Anthropic(base_url=api.url, api_key="any")

`Behaviour` says how an answer is to go (slow, failing, cut, hanging …), by default, by API key, or by request header.
"""

from firsttoken_dashboard.demo.api.behaviour import Behaviour
from firsttoken_dashboard.demo.api.limits import Limits
from firsttoken_dashboard.demo.api.records import Record
from firsttoken_dashboard.demo.api.server import LookAlike

__all__ = ["Behaviour", "Limits", "LookAlike", "Record"]
