"""Languages that a conversation may be held in, by what those who speak them call them."""

from collections.abc import Mapping

LANGUAGES: Mapping[str, str] = {
    "en": "English",
    "de": "Deutsch",
    "es": "Español",
    "fr": "Français",
    "it": "Italiano",
    "pt": "Português",
    "nl": "Nederlands",
    "sv": "Svenska",
    "da": "Dansk",
    "nb": "Norsk",
    "fi": "Suomi",
    "pl": "Polski",
    "cs": "Čeština",
    "sk": "Slovenčina",
    "sl": "Slovenščina",
    "hu": "Magyar",
    "ro": "Română",
    "bg": "Български",
    "el": "Ελληνικά",
    "ru": "Русский",
    "uk": "Українська",
    "tr": "Türkçe",
    "ar": "العربية",
    "he": "עברית",
    "hi": "हिन्दी",
    "id": "Indonesia",
    "vi": "Tiếng Việt",
    "th": "ไทย",
    "ja": "日本語",
    "ko": "한국어",
}
"""BCP 47 → its own name: what Whisper hears well enough to talk, as far as anybody here has a voice for it."""


def primary(tag: str) -> str:
    """The language without country and script: "de-at" → "de"."""
    return tag.partition("-")[0].lower()
