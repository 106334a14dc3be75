"""A certificate that a browser can be told to trust."""

from __future__ import annotations

import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from voxtral_service.server.tls import names_of_this_host, self_signed

NAMES = ("localhost", "127.0.0.1", "::1", "box.local")


def test_it_is_for_all_names_and_its_key_is_private(tmp_path: Path) -> None:
    files = self_signed(tmp_path / "tls", NAMES)
    certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "box.local"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
    assert stat.S_IMODE(files.key.stat().st_mode) == 0o600
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(files.certificate, files.key)


def test_it_is_kept_until_it_no_longer_serves(tmp_path: Path) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)

    def certificate(names: tuple[str, ...], later: timedelta) -> bytes:
        return self_signed(tmp_path, names, now=now + later).certificate.read_bytes()

    first = certificate(NAMES, timedelta())
    assert certificate(NAMES, timedelta(days=300)) == first
    renewed = certificate(NAMES, timedelta(days=390))
    assert renewed != first
    assert certificate((*NAMES, "10.0.0.7"), timedelta(days=391)) != renewed


def test_a_damaged_one_is_replaced(tmp_path: Path) -> None:
    files = self_signed(tmp_path, NAMES)
    files.certificate.write_text("nothing")
    self_signed(tmp_path, NAMES)
    x509.load_pem_x509_certificate(files.certificate.read_bytes())


def test_this_host_has_names() -> None:
    assert {"localhost", "127.0.0.1"} <= set(names_of_this_host())
