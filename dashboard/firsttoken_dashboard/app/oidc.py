"""Signing in with OpenID Connect, as an alternative to the token: Streamlit's own login, and who may pass it.

The provider stands in Streamlit's `.streamlit/secrets.toml` under `[auth]`. It lets in whoever has an account there,
which for a public one is everybody: so the command wants to be told who may see the pages.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import streamlit as st

#: What `--login` says where every account of the provider may see the pages.
EVERYBODY: Final = "everybody"


@dataclass(frozen=True, slots=True)
class Allowed:
    """Who may see the pages: addresses and whole domains (`@example.com`), in small letters; or every account."""

    names: frozenset[str]

    @classmethod
    def read(cls, text: str) -> Allowed:
        """Read `ann@example.com, @example.org` or `everybody`. Raises ValueError for anything else."""
        names = frozenset(name.strip().lower() for name in text.split(",") if name.strip())
        if not names or (EVERYBODY not in names and not all(name.count("@") == 1 for name in names)):
            raise ValueError(text)
        return cls(names)

    def lets_in(self, user: Mapping[str, Any]) -> bool:
        """Whether this user may pass; an address counts only where the provider does not say that it is unverified."""
        if EVERYBODY in self.names:
            return True
        address = str(user.get("email") or "").lower()
        if address.count("@") != 1 or user.get("email_verified") is False:
            return False
        return address in self.names or f"@{address.partition('@')[2]}" in self.names


_allowed: Allowed | None = None


def demand(allowed: Allowed) -> None:
    """From now on, draw no page for anybody else."""
    global _allowed  # noqa: PLW0603 - set once, before the server starts; every drawing asks for it
    _allowed = allowed


def missing() -> str | None:
    """What a login lacks here, as one sentence; None: nothing."""
    if importlib.util.find_spec("authlib") is None:
        return "--login needs Authlib: pip install 'firsttoken[login]'."
    from streamlit.auth_util import get_secrets_auth_section

    if not get_secrets_auth_section():
        return "--login needs your provider under [auth] in .streamlit/secrets.toml; docs/dashboard.md shows how."
    return None


def passes() -> bool:
    """Whether the page may be drawn; if not, the login has been drawn in its place."""
    if _allowed is None:
        return True
    user: Mapping[str, Any] = st.user.to_dict() if st.user.is_logged_in else {}
    if user and _allowed.lets_in(user):
        return True
    st.title("firsttoken", anchor=False)
    if user:
        st.text(f"You are signed in as {user.get('email') or 'somebody without an address'}, who may not see this.")
        st.button("Sign out", on_click=st.logout)
    else:
        st.text("These pages want to know who you are.")
        st.button("Sign in", type="primary", on_click=st.login)
    return False
