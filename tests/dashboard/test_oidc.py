"""The pages behind OpenID Connect, with a provider on this machine that lets everybody in at once."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from firsttoken_dashboard.app.oidc import Allowed
from tests.dashboard.conftest import free_port, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.mark.parametrize(
    ("who", "address", "passes"),
    [
        ("ann@example.com", "Ann@Example.com", True),
        ("ann@example.com", "bob@example.com", False),
        ("@example.com, bob@other.org", "bob@other.org", True),
        ("@example.com", "ann@notexample.com", False),
        ("@example.com", "ann@example.com@evil.org", False),
        ("@example.com", "", False),
        ("everybody", "", True),
    ],
)
def test_an_address_or_its_whole_domain_may_pass_and_nobody_else(who: str, address: str, *, passes: bool):
    assert Allowed.read(who).lets_in({"email": address}) is passes


def test_an_address_that_the_provider_has_not_verified_does_not_count():
    assert not Allowed.read("@example.com").lets_in({"email": "ann@example.com", "email_verified": False})


@pytest.mark.parametrize("who", ["", " , ", "ann", "a@b@c"])
def test_a_list_that_names_nobody_is_refused(who: str):
    with pytest.raises(ValueError, match=r".*"):
        Allowed.read(who)


@contextmanager
def provider(email: str) -> Generator[str]:
    """An OpenID Connect provider; its address."""
    jwk: Any = pytest.importorskip("joserfc.jwk")
    jwt: Any = pytest.importorskip("joserfc.jwt")

    key = jwk.RSAKey.generate_key(2048, {"kid": "one"})
    nonces: dict[str, str] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            if url.path == "/authorize":
                asked = {name: values[0] for name, values in parse_qs(url.query).items()}
                nonces["code"] = asked.get("nonce", "")
                self.send_response(302)
                self.send_header("Location", f"{asked['redirect_uri']}?code=code&state={quote(asked['state'])}")
                self.end_headers()
            elif url.path == "/jwks":
                self._tell({"keys": [key.as_dict(private=False)]})
            else:
                self._tell(
                    {
                        "issuer": here,
                        "authorization_endpoint": f"{here}/authorize",
                        "token_endpoint": f"{here}/token",
                        "jwks_uri": f"{here}/jwks",
                        "response_types_supported": ["code"],
                        "subject_types_supported": ["public"],
                        "id_token_signing_alg_values_supported": ["RS256"],
                    }
                )

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            now = int(time.time())
            claims = {"iss": here, "sub": "1", "aud": "us", "iat": now, "exp": now + 600, "email": email}
            claims["nonce"] = nonces["code"]
            token = jwt.encode({"alg": "RS256", "kid": "one"}, claims, key)
            self._tell({"access_token": "x", "token_type": "Bearer", "expires_in": 600, "id_token": token})

        def _tell(self, what: object) -> None:
            body = json.dumps(what).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        here = f"http://127.0.0.1:{server.server_port}"
        Thread(target=server.serve_forever, daemon=True).start()
        yield here
        server.shutdown()


@pytest.mark.parametrize(("who", "passes"), [("@example.com", True), ("bob@example.com", False)])
def test_a_browser_signs_in_at_the_provider_and_sees_the_pages_only_if_it_may(
    simulated: Path, tmp_path: Path, browser: Browser, who: str, *, passes: bool
):
    pytest.importorskip("authlib", reason="no Authlib: pip install 'firsttoken[login]'")
    port = free_port()
    with provider("ann@example.com") as issuer:
        secrets = tmp_path / ".streamlit" / "secrets.toml"
        secrets.parent.mkdir()
        secrets.write_text(
            f"""
            [auth]
            redirect_uri = "http://localhost:{port}/oauth2callback"
            cookie_secret = "{os.urandom(16).hex()}"
            client_id = "us"
            client_secret = "x"
            server_metadata_url = "{issuer}/.well-known/openid-configuration"
            """
        )
        with serving(simulated, "--port", str(port), "--login", who, folder=tmp_path) as address:
            context = browser.new_context()
            page = context.new_page()
            page.goto(f"{address}/sites")
            page.get_by_role("button", name="Sign in").click()
            if passes:
                page.get_by_text("Times are UTC.").wait_for()
            else:
                page.get_by_text("You are signed in as ann@example.com, who may not see this.").wait_for()
                assert page.get_by_text("Times are UTC.").count() == 0
            context.close()
