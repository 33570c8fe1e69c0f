"""Traffic whose prompts meet a prompt cache: the look-alike's, so that the usage is what the API would count."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from firsttoken_dashboard import pricing
from firsttoken_dashboard.demo.api.cache import Block, PromptCache
from tests.advisor.traffic import CHAT, Line, Traffic

PRICES = pricing.load()
CHARS_PER_TOKEN = 4


@dataclass
class CachedTraffic(Traffic):
    """As Traffic, but `ask` counts what is read and written, at 4 characters a token."""

    cache: PromptCache = field(default_factory=PromptCache)

    def ask(
        self,
        prompt: list[str],
        *,
        at: Line = CHAT,
        model: str = "claude-opus-5",
        settings: str = "0f",
        advance: bool = True,
        **more: Any,
    ) -> str:
        """One call with these blocks, now; its response begins when its first token comes."""
        known = PRICES.model(model)
        assert known is not None
        assert known.min_cache_tokens is not None
        chain = model
        blocks: list[Block] = []
        for text in prompt:
            section, name, chars, mark = text.split(":")
            chain += f"|{section}:{name}" + (settings if section == "messages" else "")
            blocks.append(
                Block(chain, int(chars) // CHARS_PER_TOKEN, "1h" if mark == "1h" else "5m" if mark == "5m" else None)
            )
        use = self.cache.use(blocks, minimum=known.min_cache_tokens, now=self.now, begins_in_s=self.first_token_s)
        usage: dict[str, Any] = {
            "gen_ai__usage__cache_read__input_tokens": use.read,
            "gen_ai__usage__cache_write__input_tokens": use.write_5m + use.write_1h,
            "anthropic__usage__cache_creation__ephemeral_5m_input_tokens": use.write_5m,
            "anthropic__usage__cache_creation__ephemeral_1h_input_tokens": use.write_1h,
            "firsttoken__settings__hash": settings,
            "firsttoken__time_to_headers": self.first_token_s,
        }
        tokens = sum(block.tokens for block in blocks)
        call: dict[str, Any] = {"at": at, "model": model, "stream": True, "advance": advance, "prompt": prompt}
        return self.call(**call, input_tokens=tokens, **usage, **more)
