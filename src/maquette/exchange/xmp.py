"""XMP packets: the label that says a picture is AI-made, and Maquette's own recipe.

XMP is ISO 16684-1 (RDF in XML); DigitalSourceType is IPTC Photo Metadata 2024, Extension schema,
with the terms of IPTC's NewsCodes. Reading accepts any of RDF's three spellings of a property.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from xml.sax.saxutils import escape, quoteattr

__all__ = [
    "COMPOSITE",
    "MAX_XMP",
    "OWN_NAMESPACE",
    "TRAINED",
    "Properties",
    "build_xmp",
    "read_xmp",
    "source_type_uri",
    "term",
    "xml_safe",
]

TRAINED = "trainedAlgorithmicMedia"
"""Made by a model from words (or from pictures that were themselves made so)."""

COMPOSITE = "compositeWithTrainedAlgorithmicMedia"
"""A picture from elsewhere with parts made by a model."""

OWN_NAMESPACE = "https://maquette.studio/ns/1.0/"
MAX_XMP = 2 * 1024 * 1024

_TERMS = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_NAMESPACES = {
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "dcterms": "http://purl.org/dc/terms/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "maquette": OWN_NAMESPACE,
}
_PREFIXES = {uri: prefix for prefix, uri in _NAMESPACES.items()}
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Properties = Mapping[str, str]
"""Values by prefixed name, as ``Iptc4xmpExt:DigitalSourceType``."""


def source_type_uri(name: str) -> str:
    """The full name of an IPTC digital source type."""
    return _TERMS + name


def term(uri: str | None) -> str | None:
    """The last word of a digital source type's name, '' and None alike None."""
    return (uri or "").strip().rstrip("/").rpartition("/")[2] or None


def xml_safe(text: str) -> str:
    """The text with a replacement mark for each character that XML 1.0 cannot hold."""
    return _NOT_XML.sub("\ufffd", text)


def build_xmp(
    *,
    tool: str,
    source_type: str | None = None,
    description: str = "",
    recipe: str = "",
) -> bytes:
    """A packet with what is given; ``recipe`` is the text of Maquette's own metadata."""
    plain = {"xmp:CreatorTool": tool}
    if source_type:
        plain["Iptc4xmpExt:DigitalSourceType"] = source_type_uri(source_type)
    if recipe:
        plain["maquette:recipe"] = recipe
    names = "".join(
        f" xmlns:{prefix}={quoteattr(uri)}"
        for prefix, uri in _NAMESPACES.items()
        if prefix != "dcterms"
    )
    body = "".join(f"<{key}>{escape(xml_safe(value))}</{key}>" for key, value in plain.items())
    if description:
        body += (
            '<dc:description><rdf:Alt><rdf:li xml:lang="x-default">'
            f"{escape(xml_safe(description))}</rdf:li></rdf:Alt></dc:description>"
        )
    packet = (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}">'
        f'<rdf:Description rdf:about=""{names}>{body}</rdf:Description>'
        '</rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
    )
    return packet.encode()


def read_xmp(packet: bytes) -> Properties:
    """The properties of a packet that this house knows; nothing from one that is not XMP.

    A packet with a document type is not read at all: XMP has none, so entities cannot expand.
    """
    if len(packet) > MAX_XMP:
        return {}
    text = _decode(packet)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        return {}
    try:
        root = ET.fromstring(text)  # noqa: S314 - no DOCTYPE gets here, so no entity can expand
    except (ET.ParseError, ValueError, RecursionError):
        return {}
    found: dict[str, str] = {}
    for description in root.iter(f"{{{_RDF}}}Description"):
        for name, value in _properties(description):
            found.setdefault(name, value)
    return found


def _properties(description: ET.Element) -> Iterator[tuple[str, str]]:
    for attribute, value in description.attrib.items():
        if name := _prefixed(attribute):
            yield name, value
    for element in description:
        if name := _prefixed(element.tag):
            items = [item.text or "" for item in element.iter(f"{{{_RDF}}}li")]
            resource = element.get(f"{{{_RDF}}}resource")
            yield name, resource or (items[0] if items else element.text or "")


def _prefixed(qualified: str) -> str:
    uri, _, local = qualified[1:].rpartition("}")
    prefix = _PREFIXES.get(uri, "")
    return f"{prefix}:{local}" if prefix else ""


def _decode(packet: bytes) -> str:
    if packet.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = packet.decode("utf-16", "replace")
    else:
        text = packet.decode("utf-8-sig", "replace")
    # Readers pad packets; and a declared encoding has had its say above.
    text = text.strip("\0 \t\r\n\ufeff")
    return re.sub(r"^<\?xml[^>]{0,200}\?>", "", text)
