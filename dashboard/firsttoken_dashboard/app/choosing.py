"""Streamlit's select box with the types that its own declaration leaves open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import streamlit as st


def choice(
    label: str,
    options: Sequence[str],
    *,
    key: str,
    width: int,
    placeholder: str | None = None,
    bound: bool = True,
    shown: Callable[[str], str] = str,
    on_change: Callable[[], None] | None = None,
) -> None:
    """Draw a select box without a visible label; its value is in the session under `key`.

    `bound` keeps the value in the address, as it is shown. With a `placeholder` nothing is chosen at first.
    """
    first = 0 if placeholder is None else None
    where: Literal["query-params"] | None = "query-params" if bound else None
    st.selectbox(  # pyright: ignore[reportUnknownMemberType] - one of its overloads takes a Sequence of anything
        label,
        options,
        index=first,
        placeholder=placeholder,
        key=key,
        bind=where,
        format_func=shown,
        on_change=on_change or "rerun",
        label_visibility="collapsed",
        width=width,
    )
