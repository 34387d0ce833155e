"""The signing identity: made once, kept to oneself, and refused with advice when unfit."""

from __future__ import annotations

import logging
import multiprocessing
import os
import pickle
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier
from PIL import Image

from maquette.errors import KeyRefused
from maquette.exchange.certificates import NAME, issue_private_chain, read_chain
from maquette.exchange.export import export_picture
from maquette.exchange.keys import Identity, bring, load_identity
from maquette.exchange.verify import verify

EMAIL = ExtendedKeyUsageOID.EMAIL_PROTECTION
NOW = datetime.now(UTC)


def pem(key: object) -> str:
    return key.private_bytes(  # pyright: ignore[reportAttributeAccessIssue]
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def certificate(
    key: object,
    *,
    purpose: ObjectIdentifier | None = EMAIL,
    organisation: str = "Example Prints",
    starts: datetime = NOW - timedelta(days=1),
    ends: datetime = NOW + timedelta(days=90),
    authority: bool = False,
    signs: bool = True,
    issuer_named: bool = True,
) -> str:
    """A chain as an authority would issue it, with one thing wrong where a test asks for it."""
    root_key = ec.generate_private_key(ec.SECP256R1())
    root_name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example Authority")])
    name = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation)] if organisation else []
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False
    ) | {"encipher_only": False, "decipher_only": False}
    public = key.public_key()  # pyright: ignore[reportAttributeAccessIssue]
    ski = x509.SubjectKeyIdentifier.from_public_key
    root = (
        x509.CertificateBuilder(root_name, root_name, root_key.public_key(), 1)
        .not_valid_before(NOW - timedelta(days=9))
        .not_valid_after(NOW + timedelta(days=900))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(ski(root_key.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(digital_signature=False, key_cert_sign=True, crl_sign=True, **usage),
            critical=True,
        )
        .sign(root_key, hashes.SHA256())
    )
    draft = (
        x509.CertificateBuilder(root_name, x509.Name(name), public, 2)
        .not_valid_before(starts)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(ski(public), critical=False)
        .add_extension(
            x509.KeyUsage(digital_signature=signs, key_cert_sign=False, crl_sign=False, **usage),
            critical=True,
        )
    )
    if issuer_named:
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
        draft = draft.add_extension(identifier, critical=False)
    if purpose is not None:
        draft = draft.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    leaf = draft.sign(root_key, hashes.SHA256())
    return "".join(c.public_bytes(serialization.Encoding.PEM).decode() for c in (leaf, root))


class TestTheLocalIdentity:
    def test_it_is_made_on_first_use_and_stays(self, folder: Path) -> None:
        first, second = load_identity(folder), load_identity(folder)
        assert first.chain_pem == second.chain_pem
        assert first.local
        assert first.name == NAME
        assert first.algorithm == "ES256"
        assert first.expires > NOW + timedelta(days=3000)

    @pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
    def test_its_files_are_the_owners_alone(self, folder: Path) -> None:
        load_identity(folder)
        files = [path for path in folder.rglob("*") if path.is_file()]
        assert sorted(path.name for path in files) == ["authority.pem", "chain.pem", "key.pem"]
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / "local").stat().st_mode) == 0o700

    def test_its_certificates_follow_the_profile_and_name_nobody(self, identity: Identity) -> None:
        leaf, root = read_chain(identity.chain_pem)
        extension = leaf.extensions.get_extension_for_class
        assert extension(x509.KeyUsage).value.digital_signature
        assert not extension(x509.BasicConstraints).value.ca
        assert list(extension(x509.ExtendedKeyUsage).value) == [EMAIL]
        assert extension(x509.SubjectKeyIdentifier)
        assert (
            extension(x509.AuthorityKeyIdentifier).value.key_identifier
            == root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
        )
        leaf.verify_directly_issued_by(root)
        assert {name.value for part in (leaf, root) for name in part.subject} == {
            NAME,
            f"{NAME} authority",
        }
        assert identity.anchor_pem in identity.chain_pem

    def test_the_authoritys_own_key_is_kept_nowhere(self, folder: Path) -> None:
        load_identity(folder)
        files = [path for path in folder.rglob("*") if path.is_file()]
        keys = [path for path in files if b"PRIVATE" in path.read_bytes()]
        assert [path.name for path in keys] == ["key.pem"]
        assert keys[0].read_bytes().count(b"BEGIN PRIVATE") == 1

    def test_two_processes_at_once_end_up_with_one(self, folder: Path) -> None:
        context = multiprocessing.get_context("fork")
        start = context.Barrier(4)
        answers = context.SimpleQueue()

        def race() -> None:
            start.wait()
            answers.put(load_identity(folder).chain_pem)

        racers = [context.Process(target=race) for _ in range(4)]
        for racer in racers:
            racer.start()
        chains = {answers.get() for _ in racers}
        for racer in racers:
            racer.join()
        assert chains == {load_identity(folder).chain_pem}
        assert [path.name for path in folder.iterdir()] == ["local"]

    def test_the_private_key_shows_nowhere(
        self, folder: Path, caplog: pytest.LogCaptureFixture, released: Callable[..., bytes]
    ) -> None:
        with caplog.at_level(logging.DEBUG):
            identity = load_identity(folder)
            data = released(identity=identity)
        secret = (folder / "local" / "key.pem").read_text()
        body = "".join(secret.split("\n")[1:-2])
        number = serialization.load_pem_private_key(secret.encode(), None)
        assert isinstance(number, ec.EllipticCurvePrivateKey)
        raw = number.private_numbers().private_value.to_bytes(32, "big")
        for text in (repr(identity), str(identity), caplog.text):
            assert "PRIVATE" not in text
            assert body not in text
        assert b"PRIVATE" not in data
        assert raw not in data
        with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
            pickle.dumps(identity)

    def test_an_exposed_key_is_refused(self, folder: Path) -> None:
        load_identity(folder)
        (folder / "local" / "key.pem").chmod(0o644)
        with pytest.raises(KeyRefused, match="can be read by others") as refused:
            load_identity(folder)
        assert "chmod 600" in refused.value.hint

    @pytest.mark.parametrize("name", ["key.pem", "chain.pem", "authority.pem"])
    def test_a_missing_file_is_refused_with_advice(self, folder: Path, name: str) -> None:
        load_identity(folder)
        (folder / "local" / name).unlink()
        with pytest.raises(KeyRefused, match="cannot be read") as refused:
            load_identity(folder)
        assert "backup" in refused.value.hint

    @pytest.mark.parametrize("name", ["key.pem", "chain.pem"])
    def test_a_damaged_file_is_refused_with_advice(self, folder: Path, name: str) -> None:
        load_identity(folder)
        (folder / "local" / name).write_text("-----BEGIN NOTHING-----")
        with pytest.raises(KeyRefused) as refused:
            load_identity(folder)
        assert "backup" in refused.value.hint

    def test_a_folder_that_cannot_be_made_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(KeyRefused, match="cannot be kept"):
            load_identity(tmp_path / "file" / "keys")

    def test_an_expired_chain_says_when(self) -> None:
        key, chain, _ = issue_private_chain(datetime(2001, 1, 1, tzinfo=UTC))
        with pytest.raises(KeyRefused, match="expired on 2010-12-30"):
            bring(chain, pem(key))


class TestABroughtCertificate:
    @pytest.mark.parametrize(
        ("key", "algorithm"),
        [
            (ec.generate_private_key(ec.SECP256R1()), "ES256"),
            (ec.generate_private_key(ec.SECP384R1()), "ES384"),
            (ec.generate_private_key(ec.SECP521R1()), "ES512"),
            (ed25519.Ed25519PrivateKey.generate(), "ED25519"),
            (rsa.generate_private_key(65537, 2048), "PS256"),
        ],
        ids=["P-256", "P-384", "P-521", "Ed25519", "RSA"],
    )
    def test_it_signs_pictures(
        self, key: object, algorithm: str, chain: Callable, picture: Image.Image
    ) -> None:
        identity = bring(certificate(key), pem(key))
        assert (identity.algorithm, identity.local) == (algorithm, False)
        assert identity.name == "Example Prints"
        told = chain("generate")
        data = export_picture(picture, version=told.last, chain=told.versions, identity=identity)
        verdict = verify(data, identity.anchor_pem)
        assert (verdict.state, verdict.signer) == ("trusted", "Example Prints")

    def test_it_goes_before_the_local_one_once_kept(self, folder: Path) -> None:
        local = load_identity(folder)
        for _ in range(2):  # and may be replaced
            key = ec.generate_private_key(ec.SECP256R1())
            brought = bring(certificate(key), pem(key), folder=folder)
            assert load_identity(folder).chain_pem == brought.chain_pem != local.chain_pem
        assert {path.name for path in folder.iterdir()} == {"local", "brought"}
        assert stat.S_IMODE((folder / "brought" / "key.pem").stat().st_mode) == 0o600

    def test_a_password_opens_its_key(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        locked = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"swordfish"),
        )
        chain = certificate(key)
        assert bring(chain, locked, password=b"swordfish").name == "Example Prints"
        with pytest.raises(KeyRefused, match="needs a password"):
            bring(chain, locked)
        with pytest.raises(KeyRefused, match="password is wrong") as refused:
            bring(chain, locked, password=b"sturgeon")
        assert "sturgeon" not in f"{refused.value}{refused.value.hint}"

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"purpose": ExtendedKeyUsageOID.CODE_SIGNING}, "purpose"),
            ({"purpose": ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}, "purpose"),
            ({"purpose": None}, "purpose"),
            ({"organisation": ""}, "names no organisation"),
            ({"starts": NOW - timedelta(days=9), "ends": NOW - timedelta(days=2)}, "expired on"),
            ({"starts": NOW + timedelta(days=2)}, "only valid from"),
            ({"authority": True}, "authority's certificate"),
            ({"signs": False}, "not meant for digital signatures"),
            ({"issuer_named": False}, "authority key identifier"),
        ],
    )
    def test_an_unfit_one_is_refused_with_advice(self, wrong: dict, said: str) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        with pytest.raises(KeyRefused, match=said) as refused:
            bring(certificate(key, **wrong), pem(key))
        assert refused.value.hint

    def test_another_certificates_key_is_refused(self) -> None:
        key, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        with pytest.raises(KeyRefused, match="does not belong"):
            bring(certificate(key), pem(other))

    def test_a_chain_in_the_wrong_order_is_refused(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        other = certificate(ec.generate_private_key(ec.SECP256R1()))
        leaf = certificate(key).split("-----END CERTIFICATE-----\n")[0]
        with pytest.raises(KeyRefused, match="do not form a chain"):
            bring(f"{leaf}-----END CERTIFICATE-----\n{other}", pem(key))

    @pytest.mark.parametrize("junk", ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAA==\n"])
    def test_junk_is_refused(self, junk: str) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        with pytest.raises(KeyRefused, match="readable PEM"):
            bring(junk, pem(key))
        with pytest.raises(KeyRefused, match="readable PEM"):
            bring(certificate(key), junk)

    def test_weak_and_exotic_keys_are_refused(self) -> None:
        for key, said in (
            (rsa.generate_private_key(65537, 1024), "too short"),  # noqa: S505 - the point of it
            (ec.generate_private_key(ec.SECP256K1()), "secp256k1"),
        ):
            with pytest.raises(KeyRefused, match=said):
                bring(certificate(key), pem(key))

    def test_a_key_pasted_among_the_certificates_does_not_travel(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        identity = bring(pem(key) + certificate(key), pem(key))
        assert "PRIVATE" not in identity.chain_pem + identity.anchor_pem


def test_signatures_are_what_cose_asks_for() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    signature = bring(certificate(key), pem(key)).sign(b"claim")
    numbers = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    assert len(signature) == 64
    key.public_key().verify(encode_dss_signature(*numbers), b"claim", ec.ECDSA(hashes.SHA256()))
    long = rsa.generate_private_key(65537, 2048)
    long.public_key().verify(
        bring(certificate(long), pem(long)).sign(b"claim"),
        b"claim",
        padding.PSS(padding.MGF1(hashes.SHA256()), 32),
        hashes.SHA256(),
    )
