"""Masking of secrets in the output of programs, before a user reads it.

All values of environment variables are hidden, for any of them may be secret, in each form in which programs
write a text. Everything that calls itself a credential is hidden, too.
"""

import base64
import re
import urllib.parse
from collections.abc import Iterable, Iterator

_SHORTEST, _LONGEST = 6, 64
_ESCAPED = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,5})\}|U000([0-9a-fA-F]{5}))"
)
_NAMES = {'"': "quot", "&": "amp", "'": "apos", "<": "lt", ">": "gt"}
_IN_SHELLS = ("'\"'\"'", r"'\''")
"""A quote within quotes."""
_CREDENTIALS = (
    re.compile(r"(?<=://)[^\s/@]+(?=@)"),
    re.compile(r"(?<=authorization: )(?:[a-z]+ +)?\S+", re.IGNORECASE),
    re.compile(r"(?<=-----BEGIN )[A-Z ]*PRIVATE KEY-----.*?(?=-----END |\Z)", re.DOTALL),
    re.compile(
        r"(?P<name>[\w-]*(?:passw(?:or)?d|secret|token|api_?key|private_?key)[\w-]*"
        r"""(?:["']?:\s*["']|=["']?))[^\s"'&;,]+""",
        re.IGNORECASE,
    ),
)


def without_values(text: str, environment: Iterable[str]) -> str:
    """Return `text` without secrets; `environment` holds variables as `NAME=value`."""
    pieces = {
        piece: name
        for name, _, value in (variable.partition("=") for variable in environment)
        if name != "PATH"
        for piece in _pieces(value)
    }
    readable = "\n".join(_decoded(text))
    for piece in sorted(pieces, key=len, reverse=True):  # one value may be a part of another
        if any(trace in readable for trace in (piece, _data(piece).hex(), *_base64(piece))):
            text = re.sub("|".join(_forms(piece)), f"[{pieces[piece]}]", text)
    for credential in _CREDENTIALS:
        text = credential.sub(lambda found: f"{found.groupdict().get('name', '')}[hidden]", text)
    return text


def _pieces(value: str) -> Iterator[str]:
    """Yield the parts of a value that are looked for: its lines, and the parts of a long line."""
    for line in value.splitlines():
        for start in range(0, len(line), _LONGEST):
            if len(piece := line[start : start + _LONGEST].strip()) >= _SHORTEST:
                yield piece


def _decoded(text: str) -> Iterator[str]:
    """Yield texts that have all that is written in `text` as it is, as hexadecimal digits or as base64.

    A search in them is much faster than a search for all forms in the text.
    """
    import html

    yield text
    yield html.unescape(text)
    yield urllib.parse.unquote(text)
    yield urllib.parse.unquote_plus(text)
    characters = _ESCAPED.sub(lambda found: chr(int(found[found.lastindex or 0], 16)), text)
    yield characters.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    yield re.sub(r"\\(.)", r"\1", characters)
    for quoted in _IN_SHELLS:
        yield text.replace(quoted, "'")
    yield re.sub(r"0x|\\x|[\s:]", "", text).lower()
    yield re.sub(r"\s", "", text).replace("-", "+").replace("_", "/")


def _data(piece: str) -> bytes:
    return piece.encode(errors="surrogatepass")


def _base64(piece: str) -> Iterator[str]:
    """Return the base64 text that is the same whatever surrounds it, for each of the three byte positions."""
    data = _data(piece)
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + data).decode()
        yield encoded[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]


def _forms(piece: str) -> Iterator[str]:
    """Yield patterns of a text: as it is, with letters escaped, as hexadecimal digits, and as base64."""
    yield "".join(map(_letter, piece))
    yield "(?i:" + r"[\s:]?".join(rf"(?:0x|\\x)?{byte:02x}" for byte in _data(piece)) + ")"
    letters = {"+": "[+-]", "/": "[/_]"}
    for encoded in _base64(piece):
        yield r"\s*".join(letters.get(each, each) for each in encoded)


def _letter(letter: str) -> str:
    """Return a letter as it is, or as URLs, JSON, HTML and shells write it."""
    code, units = ord(letter), letter.encode("utf-16-be", "surrogatepass").hex(" ", -2).split()
    ways = {
        re.escape(letter),
        r"\\" + re.escape(letter),
        "(?i:" + "".join(f"%{byte:02x}" for byte in _data(letter)) + ")",
        f"(?i:&#0*{code};|&#x0*{code:x};)",
        rf"(?i:\\x{code:02x}|\\u\{{{code:x}\}}|\\U{code:08x})",
        "(?i:" + "".join(rf"\\u{unit}" for unit in units) + ")",
        *((f"&{_NAMES[letter]};",) if letter in _NAMES else ()),
        *((r"\+",) if letter == " " else ()),
        *(map(re.escape, _IN_SHELLS) if letter == "'" else ()),
    }
    return f"(?:{'|'.join(sorted(ways, key=len, reverse=True))})"
