"""What a file that can't be read as a picture is, by its first bytes, and how to make a picture of it."""

from __future__ import annotations

# Where it stands, what stands there, what that is, and what to do.
_SAVE = "save it as PNG or JPEG"
_DEVELOP = "develop it to a JPEG or PNG first"
_SIGNATURES: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"\xff\x0a", "a JPEG XL picture", _SAVE),
    (0, b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture", _SAVE),
    (0, b"%PDF", "a PDF document", "save the picture in it as PNG or JPEG"),
    (0, b"%!PS", "a PostScript drawing", _SAVE),
    (0, b"\xc5\xd0\xd3\xc6", "a PostScript drawing (EPS)", _SAVE),
    (0, b"\x76\x2f\x31\x01", "an OpenEXR picture", _SAVE),
    (0, b"#?RADIANCE", "a Radiance HDR picture", _SAVE),
    (0, b"#?RGBE", "a Radiance HDR picture", _SAVE),
    (0, b"gimp xcf", "a GIMP project", "export it as PNG or JPEG"),
    (0, b"FUJIFILMCCD-RAW", "a camera's raw file (RAF)", _DEVELOP),
    (0, b"IIRO", "a camera's raw file (ORF)", _DEVELOP),
    (0, b"IIRS", "a camera's raw file (ORF)", _DEVELOP),
    (0, b"IIU\x00", "a camera's raw file (RW2)", _DEVELOP),
    (0, b"FOVb", "a camera's raw file (X3F)", _DEVELOP),
    (4, b"ftypcrx", "a camera's raw file (CR3)", _DEVELOP),
    (0, b"\xd7\xcd\xc6\x9a", "a Windows metafile", _SAVE),
    (0, b"\x1aE\xdf\xa3", "a video", "save a frame of it as PNG"),
    (4, b"ftyp", "a video", "save a frame of it as PNG"),
    (0, b"PK\x03\x04", "an archive or a document (ZIP)", "take the picture out of it"),
    (0, b"\x1f\x8b", "a compressed file (gzip)", "unpack it first"),
)
# Texts, whatever stands before them: spaces, comments, a byte order mark, an XML declaration.
_TEXTS: tuple[tuple[bytes, str, str], ...] = (
    (b"<svg", "an SVG drawing", _SAVE),
    (b"<!doctype svg", "an SVG drawing", _SAVE),
    (b"<!doctype html", "a web page", "save the picture itself, not the page that shows it"),
    (b"<html", "a web page", "save the picture itself, not the page that shows it"),
)
_TEXT_BYTES = 4096


def describe_content(content: bytes) -> tuple[str, str]:
    """What the bytes of a file seem to be, and what to do with it, for a message.

    Args:
        content: all of the file, or its beginning.
    """
    for offset, signature, kind, what_to_do in _SIGNATURES:
        if content.startswith(signature, offset):
            return kind, what_to_do
    beginning = content[:_TEXT_BYTES].lower()
    if b"<" in beginning:
        for tag, kind, what_to_do in _TEXTS:
            if tag in beginning:
                return kind, what_to_do
    return "something else", _SAVE
