"""Verifying files from anyone: changed, cut, hostile or honest, in words that people understand."""

from __future__ import annotations

import http.server
import io
import random
import threading
from collections.abc import Callable, Iterator

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from maquette.errors import KeyRefused, PictureRefused
from maquette.exchange.keys import Identity
from maquette.exchange.verify import verify
from maquette.exchange.xmp import TRAINED

CHANGED = "the picture was changed after it was signed"
FORMATS = ["png", "jpeg", "webp"]
every_format = pytest.mark.parametrize("form", FORMATS)


def pixel_data(data: bytes, form: str) -> int:
    """A place in the middle of a file's compressed pixels."""
    if form == "png":
        return data.index(b"IDAT") + 40
    if form == "jpeg":
        return data.rindex(b"\xff\xda") + 40
    return max(data.find(b"VP8 "), data.find(b"VP8L")) + 40


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@every_format
class TestTampering:
    def test_one_flipped_byte_of_the_picture(
        self, released: Callable[..., bytes], identity: Identity, form: str
    ) -> None:
        data = released(format=form)
        verdict = verify(flipped(data, pixel_data(data, form)), identity.anchor_pem)
        assert verdict.state == "invalid"
        assert verdict.problems[0] == CHANGED

    def test_one_flipped_byte_of_the_metadata(
        self, released: Callable[..., bytes], identity: Identity, form: str
    ) -> None:
        data = released(format=form)
        verdict = verify(flipped(data, data.index(b"CreatorTool") + 15), identity.anchor_pem)
        assert verdict.state == "invalid"
        assert CHANGED in verdict.problems

    def test_a_flipped_byte_of_the_history(
        self, released: Callable[..., bytes], identity: Identity, form: str
    ) -> None:
        data = released(format=form)
        at = data.index(b"made from words by a model")
        verdict = verify(flipped(data, at), identity.anchor_pem)
        assert verdict.state == "invalid"
        assert "the history in the credentials was changed after signing" in verdict.problems

    def test_a_wrecked_manifest(self, released: Callable[..., bytes], form: str) -> None:
        data = released(format=form)
        at = data.index(b"c2pa.assertions")
        verdict = verify(data[: at + 40] + b"\0" * 60 + data[at + 100 :])
        assert verdict.state == "invalid"
        assert verdict.problems

    def test_junk_at_the_end(self, released: Callable[..., bytes], form: str) -> None:
        verdict = verify(released(format=form) + b"junk" * 50)
        assert verdict.state == "invalid"

    def test_a_file_cut_short(self, released: Callable[..., bytes], form: str) -> None:
        data = released(format=form)
        verdict = verify(data[: len(data) - 60])
        assert verdict.state == "invalid"
        assert "the file is damaged or cut short" in verdict.problems or CHANGED in verdict.problems

    def test_credentials_of_one_picture_on_another(
        self, released: Callable[..., bytes], identity: Identity, form: str
    ) -> None:
        data = released(format=form)
        at = data.index(b"CreatorTool")
        forged = data[:at] + data[at:].replace(b"Maquette", b"Paletter", 1)
        assert verify(forged, identity.anchor_pem).state == "invalid"

    def test_no_random_damage_passes_or_crashes(
        self, released: Callable[..., bytes], identity: Identity, form: str
    ) -> None:
        data = released(format=form)
        pixels = Image.open(io.BytesIO(data)).tobytes()
        dice = random.Random(7)
        for _ in range(80):
            bad = bytearray(data)
            at = dice.randrange(len(bad))
            match dice.randrange(4):
                case 0:
                    bad[at] = dice.randrange(256)
                case 1:
                    del bad[at:]
                case 2:
                    del bad[at : at + dice.randrange(1, 100)]
                case _:
                    bad[at:at] = dice.randbytes(9)
            try:
                verdict = verify(bytes(bad), identity.anchor_pem)
            except PictureRefused:
                continue
            if verdict.state == "trusted" and not verdict.problems:
                # The signature's own padding is not signed; nothing else may differ.
                assert Image.open(io.BytesIO(bytes(bad))).tobytes() == pixels


class TestSigners:
    def test_a_stranger_is_named_and_not_trusted(
        self, released: Callable[..., bytes], identity: Identity, stranger: Identity
    ) -> None:
        verdict = verify(released(identity=stranger), identity.anchor_pem)
        assert verdict.state == "valid"
        assert verdict.problems == ("signed by someone who is not on your list of trusted signers",)

    def test_a_list_may_hold_many(
        self, released: Callable[..., bytes], identity: Identity, stranger: Identity
    ) -> None:
        both = stranger.anchor_pem + identity.anchor_pem
        assert verify(released(), both).state == "trusted"
        assert verify(released(identity=stranger), both).state == "trusted"

    def test_a_list_that_is_none_is_refused(self, released: Callable[..., bytes]) -> None:
        with pytest.raises(KeyRefused):
            verify(released(), "my friends")


class TestFilesWithoutCredentials:
    def test_an_unsigned_picture(self, picture: Image.Image) -> None:
        for kind in ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "AVIF"):
            buffer = io.BytesIO()
            picture.save(buffer, kind)
            verdict = verify(buffer.getvalue())
            assert (verdict.state, verdict.problems) == ("unsigned", ())
            assert verdict.digital_source_type is None

    def test_one_cut_short(self, picture: Image.Image) -> None:
        buffer = io.BytesIO()
        picture.save(buffer, "PNG")
        verdict = verify(buffer.getvalue()[:-80])
        assert verdict.state == "unsigned"
        assert verdict.problems == ("the file is damaged or cut short",)

    def test_one_that_only_declares_itself(self, released: Callable[..., bytes]) -> None:
        verdict = verify(released(identity=None))
        assert (verdict.state, verdict.digital_source_type) == ("unsigned", TRAINED)
        assert verdict.actions == ()

    @pytest.mark.parametrize(
        "data",
        [b"", b"hello", b"\0" * 1000, b"%PDF-1.7 c2pa.assertions", b"PK\x03\x04", b"<svg/>"],
    )
    def test_what_is_no_picture_is_refused(self, data: bytes) -> None:
        with pytest.raises(PictureRefused):
            verify(data)

    def test_credentials_taken_out_of_their_place(self, released: Callable[..., bytes]) -> None:
        data = released().replace(b"caBX", b"teSt", 1)
        verdict = verify(data)
        assert verdict.state == "unsigned"
        assert verdict.problems[0].startswith("remains of credentials are in this file")


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, list[str]]]:
    """A web server that remembers who asked for what."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/m.c2pa", asked
    server.shutdown()
    server.server_close()


def test_nothing_is_ever_fetched(picture: Image.Image, elsewhere: tuple[str, list[str]]) -> None:
    url, asked = elsewhere
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description'
        f' rdf:about="" xmlns:dcterms="http://purl.org/dc/terms/" dcterms:provenance="{url}"/>'
        "</rdf:RDF></x:xmpmeta>"
    )
    chunks = PngInfo()
    chunks.add_itxt("XML:com.adobe.xmp", packet)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", pnginfo=chunks)
    verdict = verify(buffer.getvalue())
    assert asked == []
    assert verdict.state == "unsigned"
    assert verdict.problems == (f"its credentials are kept elsewhere ({url}) and were not fetched",)


def test_a_verdict_can_be_told_as_json(released: Callable[..., bytes]) -> None:
    verdict = verify(released())
    assert type(verdict).model_validate_json(verdict.model_dump_json()) == verdict
