"""A certificate of one's own, so that browsers on the same network may use their microphones."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = timedelta(days=397)
"""The longest that browsers accept."""
RENEWED_BEFORE = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """A certificate and its private key, PEM."""

    certificate: Path
    key: Path


def self_signed(folder: Path, names: tuple[str, ...], *, now: datetime | None = None) -> CertificateFiles:
    """The certificate in a folder, made anew unless it is for these names and good for two more weeks."""
    now = now or datetime.now(UTC)
    files = CertificateFiles(folder / "self-signed.pem", folder / "self-signed.key")
    if not _still_good(files, names, now):
        _make(files, names, now)
    return files


def names_of_this_host() -> tuple[str, ...]:
    """The names and addresses by which others on the network may reach this host."""
    host = socket.gethostname()
    names = ["localhost", "127.0.0.1", "::1", host, f"{host}.local"]
    for family, remote in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((remote, 9))  # nothing is sent; it asks which address would be used
                names.append(probe.getsockname()[0])
            except OSError:
                continue
    return tuple(dict.fromkeys(names))


def _still_good(files: CertificateFiles, names: tuple[str, ...], now: datetime) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
        present = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return False
    held = set(present) == set(_alternatives(names))
    return held and files.key.exists() and certificate.not_valid_after_utc - now > RENEWED_BEFORE


def _make(files: CertificateFiles, names: tuple[str, ...], now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "voxtral-service on this network")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectAlternativeName(_alternatives(names)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files.certificate.parent.mkdir(parents=True, exist_ok=True)
    files.key.touch(mode=0o600)
    files.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    files.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _alternatives(names: tuple[str, ...]) -> list[x509.GeneralName]:
    alternatives: list[x509.GeneralName] = []
    for name in names:
        try:
            alternatives.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            alternatives.append(x509.DNSName(name))
    return alternatives
