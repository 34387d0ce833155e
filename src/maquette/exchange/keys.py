"""The signing identity: a key and the certificates that vouch for it.

Made on first use in a folder that the caller names, or brought by a person who has a real
certificate. The private key stays in its folder and in memory; it is in no export, log or repr.
"""

from __future__ import annotations

import os
import secrets
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from maquette.errors import KeyRefused
from maquette.exchange.certificates import (
    issue_private_chain,
    organisation,
    read_chain,
    refuse_unfit,
    to_pem,
)

__all__ = ["Algorithm", "Identity", "bring", "load_identity"]

Algorithm = Literal["ES256", "ES384", "ES512", "PS256", "ED25519"]

_LOCAL, _BROUGHT = "local", "brought"
_KEY, _CHAIN, _AUTHORITY = "key.pem", "chain.pem", "authority.pem"
_CURVES: dict[str, tuple[Algorithm, hashes.HashAlgorithm]] = {
    "secp256r1": ("ES256", hashes.SHA256()),
    "secp384r1": ("ES384", hashes.SHA384()),
    "secp521r1": ("ES512", hashes.SHA512()),
}


@dataclass(frozen=True)
class Identity:
    """Who signs. ``sign`` takes the bytes of a claim and gives the signature as COSE wants it.

    ``chain_pem`` goes into every signed file. ``anchor_pem`` is what a verifier who trusts this
    identity must be given: the private authority of a local identity, the last certificate of a
    brought one. ``local`` identities are self-issued: intact, but on nobody's trust list.
    """

    name: str
    algorithm: Algorithm
    chain_pem: str = field(repr=False)
    anchor_pem: str = field(repr=False)
    local: bool
    expires: datetime
    sign: Callable[[bytes], bytes] = field(repr=False, compare=False)


def load_identity(folder: Path) -> Identity:
    """The identity kept in a folder, made there on first use.

    A certificate that was brought goes before the local one. Two processes that come first at
    once end up with the same identity.

    Raises:
        KeyRefused: a damaged, expired or exposed key, or a folder that cannot be written.
    """
    if (folder / _BROUGHT).is_dir():
        return _load(folder / _BROUGHT, local=False)
    home = folder / _LOCAL
    if not home.is_dir():
        key, chain, authority = issue_private_chain()
        _keep(home, {_KEY: _key_pem(key), _CHAIN: chain, _AUTHORITY: authority}, replace=False)
    return _load(home, local=True)


def bring(
    certificate_chain_pem: str,
    private_key_pem: str | bytes,
    *,
    password: bytes | None = None,
    folder: Path | None = None,
) -> Identity:
    """An identity from a certificate that an authority issued.

    With ``folder``, it is kept there (unencrypted, readable by the owner alone) and
    ``load_identity`` gives it from then on.

    Raises:
        KeyRefused: the key does not belong to the certificate, or the certificate has expired, is
            not valid yet, or is not meant for signing content.
    """
    key = _read_key(private_key_pem, password)
    identity = _identity(certificate_chain_pem, key, anchor=None)
    if folder is not None:
        files = {_KEY: _key_pem(key), _CHAIN: identity.chain_pem}
        _keep(folder / _BROUGHT, files, replace=True)
    return identity


_PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def _identity(chain_pem: str, key: _PrivateKey, *, anchor: str | None) -> Identity:
    chain = read_chain(chain_pem)
    refuse_unfit(chain)
    if _public_bytes(chain[0].public_key()) != _public_bytes(key.public_key()):
        raise KeyRefused(
            "the private key does not belong to the first certificate of the chain",
            hint="put the signer's own certificate first, or give the key it was issued for",
        )
    algorithm, sign = _signature(key)
    blocks = [to_pem(certificate) for certificate in chain]
    return Identity(
        name=organisation(chain[0]),
        algorithm=algorithm,
        chain_pem="".join(blocks),
        anchor_pem=anchor or blocks[-1],
        local=anchor is not None,
        expires=chain[0].not_valid_after_utc,
        sign=sign,
    )


def _signature(key: _PrivateKey) -> tuple[Algorithm, Callable[[bytes], bytes]]:
    """The COSE algorithm of a key (RFC 9053) and a function that signs with it."""
    match key:
        case ed25519.Ed25519PrivateKey():
            return "ED25519", key.sign
        case rsa.RSAPrivateKey():
            if key.key_size < 2048:
                raise KeyRefused(
                    f"an RSA key of {key.key_size} bits is too short to sign with",
                    hint="use one of 2048 bits or more, or an elliptic curve key (P-256)",
                )
            return "PS256", lambda data: key.sign(
                data, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256()
            )
        case ec.EllipticCurvePrivateKey() if key.curve.name in _CURVES:
            algorithm, digest = _CURVES[key.curve.name]
            width = (key.curve.key_size + 7) // 8

            def sign(data: bytes) -> bytes:
                # COSE wants the two numbers side by side, not their DER.
                numbers = decode_dss_signature(key.sign(data, ec.ECDSA(digest)))
                return b"".join(number.to_bytes(width, "big") for number in numbers)

            return algorithm, sign
        case _:
            raise KeyRefused(
                f"keys on the curve {key.curve.name} cannot sign content credentials",
                hint="use P-256, P-384, P-521, Ed25519 or RSA",
            )


def _read_key(pem: str | bytes, password: bytes | None) -> _PrivateKey:
    data = pem.encode() if isinstance(pem, str) else pem
    # No "from error" here: the cause could quote what it was given.
    try:
        key = serialization.load_pem_private_key(data, password)
    except TypeError:
        wanted = "a password" if password is None else "no password"
        raise KeyRefused(
            f"the private key needs {wanted}",
            hint="give the key file's own password, if it has one",
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise KeyRefused(
            "the private key is not readable PEM, or its password is wrong",
            hint="give a PKCS#8 or traditional PEM private key",
        ) from None
    if not isinstance(key, _PrivateKey):
        raise KeyRefused(
            "this kind of private key cannot sign content credentials",
            hint="use an elliptic curve (P-256, P-384, P-521), Ed25519 or RSA key",
        )
    return key


def _public_bytes(key: object) -> bytes:
    public_bytes: Callable[..., bytes] = getattr(key, "public_bytes")  # noqa: B009
    return public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _key_pem(key: _PrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def _load(home: Path, *, local: bool) -> Identity:
    start_over = f"restore {home} from a backup, or remove it to start over with a new key"
    path = home / _KEY
    try:
        if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise KeyRefused(
                f"the signing key {path} can be read by others on this computer",
                hint=f"if nobody has copied it: chmod 600 '{path}'; else remove '{home}'",
            )
        key_pem, chain = path.read_bytes(), (home / _CHAIN).read_text("ascii")
        anchor = (home / _AUTHORITY).read_text("ascii") if local else None
    except (OSError, UnicodeDecodeError) as error:
        raise KeyRefused(
            f"the signing identity in {home} cannot be read", hint=start_over
        ) from error
    try:
        return _identity(chain, _read_key(key_pem, None), anchor=anchor)
    except KeyRefused as error:
        raise KeyRefused(f"{error} (in {home})", hint=f"{error.hint}; {start_over}") from error


def _keep(home: Path, files: dict[str, str], *, replace: bool) -> None:
    """Write a folder as a whole or not at all: filled under another name, then renamed."""
    draft = home.with_name(f".{home.name}-{secrets.token_hex(8)}")
    try:
        home.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.mkdir(mode=0o700)
        for name, text in files.items():
            _write_private(draft / name, text)
        if replace and home.is_dir():
            old = draft.with_name(f"{draft.name}-old")
            home.rename(old)
            draft.rename(home)
            shutil.rmtree(old, ignore_errors=True)
        else:
            _rename_first(draft, home)
    except OSError as error:
        raise KeyRefused(
            f"the signing identity cannot be kept in {home.parent}: {error.strerror}",
            hint="name a folder that you can write to",
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _rename_first(draft: Path, home: Path) -> None:
    # A folder with files in it is never replaced by a rename: whoever comes first has made it.
    try:
        draft.rename(home)
    except OSError:
        if not home.is_dir():
            raise


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
