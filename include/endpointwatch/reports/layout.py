"""JSON laid out for readers, as fast as a plain one.

With an indent, ``json`` leaves its C encoder for Python's; a report is mostly the numbers of sketches.
"""

from __future__ import annotations

import json
from json.encoder import encode_basestring
from typing import Any, Final

_plain: Final = json.JSONEncoder(ensure_ascii=False).encode
_NUMBERS: Final = frozenset({float, int})


def laid_out(value: Any) -> str:
    """What ``json.dumps(value, indent=2, ensure_ascii=False, separators=(",", " : "))`` gives.

    Args:
        value: Whatever JSON knows; the keys of its objects are texts.

    Raises:
        TypeError: There is something else in it.
    """
    return _within(value, "\n")


def _within(value: Any, margin: str) -> str:
    if isinstance(value, dict) and value:
        inner = f"{margin}  "
        members = f",{inner}".join(f"{encode_basestring(key)} : {_within(told, inner)}" for key, told in value.items())
        return f"{{{inner}{members}{margin}}}"
    if isinstance(value, list | tuple) and value:
        inner = f"{margin}  "
        if _NUMBERS.issuperset(map(type, value)):
            items = _plain(value)[1:-1].replace(", ", f",{inner}")
        else:
            items = f",{inner}".join(_within(item, inner) for item in value)
        return f"[{inner}{items}{margin}]"
    return _plain(value)
