"""Markdown as it is spoken: the marks go, the words stay."""

from __future__ import annotations

import re

_IMAGE = re.compile(r"!\[[^\]]*\](?:\([^)]*\)|\[[^\]]*\])")
_LINK = re.compile(r"\[([^\]]+)\](?:\([^)]*\)|\[[^\]]*\])")
_AUTOLINK = re.compile(r"<(?:https?://|mailto:)([^>\s]+)>")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>|<!--.*?-->", re.DOTALL)
_FOOTNOTE = re.compile(r"\[\^[^\]]+\]")
_EMPHASIS = re.compile(r"(?<![\w*_])(\*{1,3}|_{1,3})(?=\S)(.+?)(?<=\S)\1(?![\w*_])", re.DOTALL)
_STRIKE = re.compile(r"~~(.+?)~~")
_CODE = re.compile(r"`+([^`]*)`+")
_LINE_START = re.compile(r"^\s{0,8}(?:#{1,6}\s+|>\s?|[-*+•]\s+|\d{1,3}[.)]\s+(?=\D))", re.MULTILINE)
_RULE = re.compile(r"^\s*(?:[-*_=]\s*){3,}$", re.MULTILINE)
_LEFT_OVER = re.compile(r"[*`#|]+|(?<!\w)_+|_+(?!\w)")
_ANY_MARK = re.compile(r"[*_`#\[<>|~\\•]|^\s{0,8}(?:[-+=]|\d{1,3}[.)])", re.MULTILINE)
_ESCAPE = re.compile(r"\\([\\`*_{}\[\]()#+\-.!|<>~])")


def strip_marks(text: str) -> str:
    """Returns the words of a piece of Markdown on one line: links by their text, no images, no emphasis, no bullets."""
    if _ANY_MARK.search(text):
        text = _ESCAPE.sub(r"\1", text)
        text = _IMAGE.sub(" ", text)
        text = _FOOTNOTE.sub("", text)
        text = _LINK.sub(r"\1", text)
        text = _AUTOLINK.sub(r"\1", text)
        text = _TAG.sub(" ", text)
        text = _CODE.sub(r"\1", text)
        text = _RULE.sub(" ", text)
        text = _LINE_START.sub("", text)
        text = _STRIKE.sub(r"\1", text)
        for _ in range(2):  # bold in italics is two layers
            text = _EMPHASIS.sub(r"\2", text)
        text = _LEFT_OVER.sub(" ", text)
    return " ".join(text.split())
