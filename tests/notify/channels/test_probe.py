"""`tocsin check` tries the way to a provider a step at a time, and names the step that fails and what to do."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from scripted import Client, Line, serve

from notify.channels.findings import Finding, State
from notify.channels.http.outbound import Outbound
from notify.channels.http.probe import probe
from tests import certificates
from tests.connect_proxy import ConnectProxy

PROVIDER = "provider.example"  # a name that only the proxy knows


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of an authority that no system trusts, as TLS inspection has it."""
    return certificates.certificate(tmp_path_factory.mktemp("tls"), [PROVIDER])


def probed(certificate: Path, ca_file: Path | None, login: str = "", **proxied: Any) -> list[Finding]:
    """What is found on the way to a provider behind TLS, through a proxy."""
    proxy = ConnectProxy({PROVIDER: "127.0.0.1"}, **proxied)

    async def visit(client: Client) -> list[Finding]:
        port = client.url.rpartition(":")[2]
        async with proxy.running():
            outbound = Outbound(proxy.url.replace("//", f"//{login}"), (), ca_file)
            found = await asyncio.to_thread(
                lambda: list(probe("twilio", f"https://{PROVIDER}:{port}", outbound, timeout_s=30))
            )
        assert proxy.asked == [f"CONNECT {PROVIDER}:{port} HTTP/1.1"]
        return found

    return asyncio.run(serve(Line.answer_all, visit, certificates.served_by(certificate)))


def steps(found: list[Finding]) -> dict[str, State]:
    assert all(one.subject.startswith("twilio: way out, ") and one.took_s is not None for one in found)
    return {one.subject.removeprefix("twilio: way out, "): one.state for one in found}


@pytest.mark.parametrize("login", ["", "city:secret@"])
def test_every_step_through_a_proxy_is_green_and_says_who_issued_the_certificate(certificate: Path, login: str) -> None:
    wanted = b"Y2l0eTpzZWNyZXQ=" if login else b""
    found = probed(certificate, certificate, login, credentials=wanted)
    assert steps(found) == dict.fromkeys(["name", "connection", "proxy", "TLS", "answer"], State.GREEN)
    assert [one.said for one in found][3:] == [
        f"The certificate of {PROVIDER} is issued by {PROVIDER}.",
        f"{PROVIDER} answers: HTTP/1.1 200 OK.",
    ]


@pytest.mark.parametrize(
    ("proxied", "said"),
    [
        ({"credentials": b"Y2l0eTpzZWNyZXQ="}, "407 Proxy Authentication Required"),
        ({"status": b"403 Forbidden"}, "403 Forbidden"),
        ({"hangs_up": True}, "the connection was closed"),
    ],
)
def test_a_proxy_that_makes_no_tunnel_is_red_and_the_last_step(
    certificate: Path, proxied: dict[str, Any], said: str
) -> None:
    found = probed(certificate, certificate, "city:wrong@", **proxied)
    assert list(steps(found).items())[2:] == [("proxy", State.RED)]
    assert f"does not open a tunnel to {PROVIDER}" in found[-1].said
    assert said in found[-1].said
    assert "user and password in TOCSIN_OUTBOUND_PROXY" in found[-1].todo
    assert "wrong" not in found[-1].said + found[-1].todo


def test_an_issuer_that_is_not_trusted_is_red_and_the_last_step(certificate: Path) -> None:
    found = probed(certificate, ca_file=None)
    assert list(steps(found).items())[2:] == [("proxy", State.GREEN), ("TLS", State.RED)]
    assert f"The TLS handshake with {PROVIDER} failed (self-signed certificate)." in found[-1].said
    assert "TOCSIN_OUTBOUND_CA_FILE" in found[-1].todo


def test_a_certificate_for_another_name_is_red(tmp_path: Path) -> None:
    other = certificates.certificate(tmp_path, ["other.example"])
    found = probed(other, ca_file=other)
    assert steps(found)["TLS"] is State.RED
    assert "Hostname mismatch" in found[-1].said
