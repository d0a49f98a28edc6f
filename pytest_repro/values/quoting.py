"""Text that is the same in every version of Python and safe to print on one line."""

from __future__ import annotations

import re

__all__ = ["cut_middle", "number_text", "one_line", "quote", "type_tail"]

#: Control characters, surrogates, and what reorders or hides text. A fixed list: `repr` follows the
#: Unicode database of the running Python, so its output differs between versions.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\xad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb]")
_QUOTED_UNSAFE = re.compile("[\\\\]|" + _UNSAFE.pattern)
_SHORT = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    code = ord(character)
    return _SHORT.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")


def quote(text: str) -> str:
    """Return `text` as a Python literal, like `repr` but the same in every version."""
    if text.isascii():
        return repr(text)
    mark = '"' if "'" in text and '"' not in text else "'"
    body = _QUOTED_UNSAFE.sub(_escape, text)
    return mark + (body.replace("'", "\\'") if mark == "'" else body) + mark


def one_line(text: str) -> str:
    """Return `text` with everything escaped that could break a line or a terminal."""
    return _UNSAFE.sub(_escape, text)


def cut_middle(text: str, width: int) -> str:
    """Return `text` cut in the middle to at most `width` characters."""
    if len(text) <= width:
        return text
    if width < 3:
        return text[:width]
    head = width // 2
    return text[:head] + "…" + text[len(text) - (width - head - 1) :]


def number_text(number: int) -> str:
    """Return an integer as text; hexadecimal beyond the length that Python agrees to print in decimal."""
    return repr(number) if number.bit_length() < 1000 else hex(number)


def type_tail(type_: str) -> str:
    """Return the last part of a qualified type name: ``SVC``."""
    return type_.rpartition(".")[2]
