"""Damage to files as disks, editors and people do it, the same from the same seed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

__all__ = ["damaged", "flipped"]

_TOKENS = (
    b"\x00", b"\x0b", b"\x1b[2J", b"\x7f", b"\xc2\x85", b"\xe2\x80\xae", b"\xe2\x80\x8b", b"\xef\xbb\xbf", b"\xff\xfe",
    b"\xed\xa0\x80", b"\xef\xbf\xbf", b"\xcc\x88", b'"', b"'", b'"""', b",", b";", b"\t", b"\r", b"\n", b"\r\n", b"|",
    b"=", b"=1+1", b"#", b"[", b"]", b"[[", b"{", b"}", b".", b"a.a.a.a", b"[" * 50, b"-", b"+", b"-1", b"0", b"1",
    b"1.0", b"2", b"1e308", b"1e-320", b"1e999", b"inf", b"-inf", b"nan", b"true", b"false", b"999999999999", b"9" * 30,
    b"9" * 400, b"9" * 5000, b"0x7fffffffffffffff", b"2020-01-01", b"12:00:00", b"1_000", b"NA", b"", b" ",
    b"\xc2\xa0", b"\\", b"\\u0000", b"\\ud800", b"\\x1b", b"synthetic", b"SYNTHETIC", b"data", b"site", b"arm",
    b"pop_pp", b"pop_itt", b"patient", b"responders", b"n", b"response", b"itt", b"<script>", b"x" * 400, b"placebo",
    b"PLACEBO",
    b"schema = 1\n", b"family = 'normal'\n", b"\xe6\x97\xa5\xe6\x9c\xac", b"\xf0\x9f\x98\x80", b"/dev/zero", b"../..",
)  # fmt: skip

Rng = np.random.Generator


def _flip(content: bytes, rng: Rng) -> bytes:
    at = int(rng.integers(len(content)))
    return content[:at] + bytes([content[at] ^ (1 << int(rng.integers(8)))]) + content[at + 1 :]


def _insert(content: bytes, rng: Rng) -> bytes:
    at = int(rng.integers(len(content) + 1))
    return content[:at] + _TOKENS[rng.integers(len(_TOKENS))] + content[at:]


def _replace(content: bytes, rng: Rng) -> bytes:
    """A word, a number or a cell by a token."""
    at = int(rng.integers(len(content)))
    ends = b" ,\n=[]\"'."
    start, end = at, at
    while start and content[start - 1] not in ends:
        start -= 1
    while end < len(content) and content[end] not in ends:
        end += 1
    return content[:start] + _TOKENS[rng.integers(len(_TOKENS))] + content[end:]


def _cut(content: bytes, rng: Rng) -> bytes:
    at, length = int(rng.integers(len(content))), int(rng.integers(1, 40))
    return content[:at] + content[at + length :]


def _truncate(content: bytes, rng: Rng) -> bytes:
    return content[: int(rng.integers(len(content)))]


def _repeat(content: bytes, rng: Rng) -> bytes:
    at, length = int(rng.integers(len(content))), int(rng.integers(1, 200))
    return content[: at + length] + content[at : at + length] * int(rng.integers(1, 4)) + content[at + length :]


def _line(content: bytes, rng: Rng) -> bytes:
    """A line taken out, doubled, or put somewhere else."""
    lines = content.split(b"\n")
    line = lines.pop(int(rng.integers(len(lines))))
    for _ in range(int(rng.integers(3))):
        lines.insert(int(rng.integers(len(lines) + 1)), line)
    return b"\n".join(lines)


def _move(content: bytes, rng: Rng) -> bytes:
    a, b, length = int(rng.integers(len(content))), int(rng.integers(len(content))), int(rng.integers(1, 60))
    part, rest = content[a : a + length], content[:a] + content[a + length :]
    return rest[:b] + part + rest[b:]


_WAYS: tuple[Callable[[bytes, Rng], bytes], ...] = (
    _flip, _insert, _insert, _replace, _replace, _replace, _cut, _truncate, _repeat, _line, _line, _move,
)  # fmt: skip


def damaged(content: bytes, rng: Rng) -> bytes:
    """The content with one to four kinds of damage."""
    for _ in range(int(rng.integers(1, 5))):
        if content:
            content = _WAYS[rng.integers(len(_WAYS))](content, rng)
    return content


def flipped(content: bytes, rng: Rng) -> bytes:
    """The content with one bit the other way."""
    return _flip(content, rng)
