"""`jiangtang cert`: a certificate authority of one's own and a server certificate, for a trial on a LAN.

Browsers give camera and microphone only to a secure origin. A public certificate needs a public name; in a school's network this is
the way: every machine is told once to trust the authority.

1. **An authority that is there already is used again**, so that machines need not be told twice.
2. Keys are readable by this user alone. The server certificate is valid for 397 days, the longest that browsers accept.
"""

from __future__ import annotations

import argparse
import ipaddress
import os
import socket
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from signaling.db.base import utc_now

AUTHORITY_DAYS = 3650
SERVER_DAYS = 397
NEXT_STEPS = """\
Written to {out}:
  ca.pem      the authority: give this file to every machine that shall trust the server
  server.pem  certificate of {names}, valid until {until:%Y-%m-%d}
  server.key  its private key; ca.key is the authority's, keep both here

1. Settings (a file for `jiangtang serve --config FILE`):
     [tls]
     cert = "{out}/server.pem"
     key = "{out}/server.key"
     [http]
     public_url = "https://{first}:8080"
2. Trust the authority on the lecturer's machine and on the screens:
     Windows         double-click ca.pem (rename it to ca.crt) > Install > Trusted Root Certification Authorities
     macOS           security add-trusted-cert -k ~/Library/Keychains/login.keychain-db ca.pem
     Debian, Ubuntu  cp ca.pem /usr/local/share/ca-certificates/jiangtang.crt && update-ca-certificates
     Chrome, Linux   Settings > Privacy and security > Security > Manage certificates > Authorities > Import
     Firefox         Settings > Privacy & Security > Certificates > View Certificates > Authorities > Import
     Android         Settings > Security > Encryption and credentials > Install a certificate > CA certificate
3. Start: jiangtang serve --config FILE, then open https://{first}:8080/console
"""


def add_to(commands: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser("cert", help="make a local certificate authority and a server certificate")
    parser.add_argument("--out", metavar="DIR", type=Path, default=Path("var/tls"), help="folder (default: var/tls)")
    parser.add_argument(
        "--host",
        metavar="NAME_OR_IP",
        action="append",
        help="name or address of the server; may be given several times",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the files and say what to do next."""
    names = list(dict.fromkeys(options.host or own_names()))
    try:
        until = write(options.out, names, utc_now())
    except (OSError, ValueError) as error:
        print(f"jiangtang: the certificate was not made: {error}", file=sys.stderr)
        return 1
    first = f"[{names[0]}]" if ":" in names[0] else names[0]
    print(NEXT_STEPS.format(out=options.out.resolve(), names=", ".join(names), first=first, until=until))
    return 0


def own_names() -> list[str]:
    """Return the addresses under which other machines reach this one, its name, and localhost."""
    found = []
    for family, probe in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        with socket.socket(family, socket.SOCK_DGRAM) as outward:
            try:
                outward.connect((probe, 9))  # sends nothing: it only chooses the address of the way out
            except OSError:
                continue
            found.append(str(outward.getsockname()[0]))
    return [*found, socket.gethostname(), "localhost", "127.0.0.1"]


def write(out: Path, names: Sequence[str], now: datetime) -> datetime:
    """Write authority (when missing) and server certificate into `out`; return until when the latter is valid."""
    out.mkdir(parents=True, exist_ok=True)
    authority, authority_key = _authority(out, now)
    key = ec.generate_private_key(ec.SECP256R1())
    until = now + timedelta(days=SERVER_DAYS)
    builder = (
        _builder(names[0], authority.subject, key.public_key(), now, until)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
    )
    certificate = builder.sign(authority_key, hashes.SHA256())
    _write_private(out / "server.key", _key_pem(key))
    (out / "server.pem").write_bytes(_pem(certificate) + _pem(authority))
    return until


def _authority(out: Path, now: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    certificate_file, key_file = out / "ca.pem", out / "ca.key"
    if certificate_file.is_file() and key_file.is_file():
        key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError(f"{key_file} is not a key that this command made")
        return x509.load_pem_x509_certificate(certificate_file.read_bytes()), key
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Jiangtang local authority {now:%Y-%m-%d}")])
    certificate = (
        _builder(None, name, key.public_key(), now, now + timedelta(days=AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    _write_private(key_file, _key_pem(key))
    certificate_file.write_bytes(_pem(certificate))
    return certificate, key


def _builder(
    name: str | None, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, until: datetime
) -> x509.CertificateBuilder:
    """Return a builder; `name` is None for a certificate that signs itself."""
    subject = issuer if name is None else x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))  # clocks of terminals are late
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)


def _write_private(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
