"""Reading XML that strangers wrote.

Metadata and plate files are parsed only if they declare no document type (entities can grow
without bound), are of a size that fits memory, and are not nested beyond reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

MAX_XML_CHARACTERS = 48_000_000
MAX_XML_DEPTH = 200


class XMLRefusedError(ValueError):
    """The text is not parsed; the message says why, as part of a sentence."""


class _Builder(TreeBuilder):
    """Builds the tree, but not one that is nested without end."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        """Open an element."""
        self._depth += 1
        if self._depth > MAX_XML_DEPTH:
            raise XMLRefusedError("it is nested too deeply")
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        """Close an element."""
        self._depth -= 1
        return super().end(tag)

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        """Refuse declarations."""
        raise XMLRefusedError("it declares a document type, which could hide a bomb")


def decode_xml(data: bytes) -> str:
    """Turn the bytes of an XML file into text, by its byte order mark or as UTF-8."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace")
    if data[:3] == b"\xef\xbb\xbf":
        data = data[3:]
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def parse_xml(text: str) -> Element:
    """Parse XML text, already decoded, to its root; a trailing zero byte is allowed.

    Raises `XMLRefusedError` if it is not well formed, too large, too deep, or declares entities.
    """
    if len(text) > MAX_XML_CHARACTERS:
        raise XMLRefusedError(f"it is {len(text) / 1e6:.0f} MB long")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise XMLRefusedError("it declares a document type, which could hide a bomb")
    parser = XMLParser(target=_Builder())
    try:
        parser.feed(text.strip("\x00\ufeff \r\n\t"))
        root = parser.close()
    except XMLRefusedError:
        raise
    except (ParseError, ValueError, LookupError, AssertionError) as error:
        raise XMLRefusedError(f"it is damaged ({error})") from None
    if not isinstance(root, Element):
        raise XMLRefusedError("it is empty")
    return root


def local_name(element: Element) -> str:
    """Tag without its name space."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def children(element: Element, name: str) -> Iterator[Element]:
    """Direct children of a given name, whatever the name space."""
    return (child for child in element if local_name(child) == name)


def child_text(element: Element, name: str) -> str | None:
    """Text of the first direct child of that name, stripped; None where it is absent."""
    for child in children(element, name):
        return (child.text or "").strip()
    return None
