"""XMP packets: what is built is read, the field's spellings are read, nothing hostile is."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maquette.exchange.xmp import COMPOSITE, TRAINED, build_xmp, read_xmp, term, xml_safe

TYPE = "Iptc4xmpExt:DigitalSourceType"
URI = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


@given(st.text(), st.text())
def test_what_is_built_is_read(description: str, recipe: str) -> None:
    found = read_xmp(
        build_xmp(tool="Maquette", source_type=TRAINED, description=description, recipe=recipe)
    )
    # XML makes one line break of the three kinds there are.
    expected = xml_safe(description).replace("\r\n", "\n").replace("\r", "\n")
    assert found[TYPE] == URI
    assert found["xmp:CreatorTool"] == "Maquette"
    assert found.get("dc:description", "") == expected
    assert found.get("maquette:recipe", "") == xml_safe(recipe).replace("\r\n", "\n").replace(
        "\r", "\n"
    )


def test_no_source_type_is_claimed_unasked() -> None:
    assert TYPE not in read_xmp(build_xmp(tool="Maquette"))


def packet(inner: str, attributes: str = "") -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF'
        ' xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""'
        ' xmlns:e="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
        f" {attributes}>{inner}</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


@pytest.mark.parametrize(
    "spelling",
    [
        packet("", f'e:DigitalSourceType="{URI}"'),
        packet(f"<e:DigitalSourceType>{URI}</e:DigitalSourceType>"),
        packet(f'<e:DigitalSourceType rdf:resource="{URI}"/>'),
        b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        + packet("", f'e:DigitalSourceType="{URI}"')
        + b" " * 2048
        + b'<?xpacket end="w"?>\0',
        b'<?xml version="1.0" encoding="UTF-8"?>' + packet("", f'e:DigitalSourceType="{URI}"'),
        packet("", f'e:DigitalSourceType="{URI}"').decode().encode("utf-16"),
    ],
)
def test_every_spelling_of_the_property_is_read(spelling: bytes) -> None:
    assert term(read_xmp(spelling).get(TYPE)) == TRAINED


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_packet_with_a_document_type_is_not_read(encoding: str) -> None:
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10 if i else "ha"}">' for i in range(12))
    bomb = (
        f"<!DOCTYPE x [{laughs}]>"
        + packet("<e:DigitalSourceType>&l11;</e:DigitalSourceType>").decode()
    )
    start = time.perf_counter()
    assert read_xmp(bomb.encode(encoding)) == {}
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize(
    "junk", [b"", b"<", b"\xff\xfe\0", b"<a>" * 50_000, b"\0" * 100, b"x" * (2 * 1024 * 1024 + 1)]
)
def test_junk_holds_nothing(junk: bytes) -> None:
    assert read_xmp(junk) == {}


def test_terms_lose_their_vocabulary() -> None:
    assert term(f"http://cv.iptc.org/newscodes/digitalsourcetype/{COMPOSITE}") == COMPOSITE
    assert term("") is None
    assert term(None) is None
