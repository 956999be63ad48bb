"""Requests checked against botocore's own model of SageMaker, as the service does.

boto3 itself checks names, types and required members before it sends anything; enums, patterns, lengths and ranges are
left to the service, so an emulator that leaves them out lets requests pass that AWS refuses.
"""

from __future__ import annotations

import functools
import re
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

from pocketaws.faults import Fault, invalid

# Java's classes of characters inside [...] and what Python's re has for them.
_CLASSES = {
    r"\p{L}": r"\w", r"\p{M}": r"\w", r"\p{N}": r"\d", r"\p{Z}": r"\s", r"\p{Alnum}": "a-zA-Z0-9",
    # Punctuation and symbols: everything printable in ASCII that is neither letter nor digit, and what lies beyond.
    r"\p{P}": r"!-/:-@\[-`{-~\u00a1-\u00bf\u2010-\u2027\u2030-\u205e",
    r"\p{S}": r"$+<-=>^`|~\u00a2-\u00a9\u20a0-\u20bf\u2100-\u214f\u2190-\u23ff",
}  # fmt: skip


def validate(shape: Shape, request: dict[str, Any]) -> None:
    """Check a request against its shape.

    Raises:
        Fault: ``ValidationException`` with every constraint it breaks, worded as AWS words them;
            ``SerializationException`` for a value of the wrong type.
    """
    problems: list[str] = []
    _check(shape, request, "", problems)
    if problems:
        count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected: "
        raise invalid(count + "; ".join(problems))


def _check(shape: Shape, value: Any, path: str, problems: list[str]) -> None:
    kind = shape.type_name
    _check_type(kind, value, path)
    if isinstance(shape, StructureShape):
        _check_structure(shape, value, path, problems)
    elif isinstance(shape, ListShape):
        _check_size(shape, len(value), value, path, problems)
        for number, item in enumerate(value, start=1):
            _check(shape.member, item, f"{path}.{number}.member", problems)
    elif isinstance(shape, MapShape):
        _check_size(shape, len(value), value, path, problems)
        for key, item in value.items():
            _check(shape.key, key, path, problems)
            _check(shape.value, item, f"{path}.{key}.member", problems)
    elif isinstance(shape, StringShape):
        _check_text(shape, value, path, problems)
    elif kind in {"integer", "long", "float", "double"}:
        _check_range(shape, value, path, problems)


def _check_structure(shape: StructureShape, value: dict[str, Any], path: str, problems: list[str]) -> None:
    dot = f"{path}." if path else ""
    problems.extend(
        f"Value null at '{dot}{_camel(name)}' failed to satisfy constraint: Member must not be null"
        for name in shape.required_members
        if value.get(name) is None
    )
    for name, item in value.items():
        if name not in shape.members:
            problems.append(f"Unknown parameter '{dot}{name}'; {shape.name} has {', '.join(sorted(shape.members))}")
        elif item is not None:
            _check(shape.members[name], item, f"{dot}{_camel(name)}", problems)
    if getattr(shape, "is_tagged_union", False) and sum(item is not None for item in value.values()) != 1:
        problems.append(f"Value at '{path}' failed to satisfy constraint: one member of {shape.name} must be set")


def _check_text(shape: StringShape, value: str, path: str, problems: list[str]) -> None:
    def refuse(constraint: str) -> None:
        problems.append(f"Value '{value}' at '{path}' failed to satisfy constraint: {constraint}")

    if shape.enum:
        if value not in shape.enum:
            refuse(f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")
        return
    _check_size(shape, len(value), value, path, problems)
    pattern = shape.metadata.get("pattern")
    compiled = _compiled(pattern) if pattern else None
    if compiled and not compiled.fullmatch(value):
        refuse(f"Member must satisfy regular expression pattern: {pattern}")


def _check_size(shape: Shape, size: int, value: Any, path: str, problems: list[str]) -> None:
    for bound, wrong, word in (
        ("min", size < shape.metadata.get("min", 0), "greater"),
        ("max", size > shape.metadata.get("max", size), "less"),
    ):
        if wrong:
            problems.append(
                f"Value '{value}' at '{path}' failed to satisfy constraint: "
                f"Member must have length {word} than or equal to {shape.metadata[bound]}"
            )


def _check_range(shape: Shape, value: float, path: str, problems: list[str]) -> None:
    for bound, wrong, word in (
        ("min", value < shape.metadata.get("min", value), "greater"),
        ("max", value > shape.metadata.get("max", value), "less"),
    ):
        if wrong:
            problems.append(
                f"Value '{value}' at '{path}' failed to satisfy constraint: "
                f"Member must have value {word} than or equal to {shape.metadata[bound]}"
            )


_TYPES: dict[str, tuple[type, ...]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float),
}


def _check_type(kind: str, value: Any, path: str) -> None:
    wanted = _TYPES.get(kind, (object,))
    if not isinstance(value, wanted) or (isinstance(value, bool) and kind in _TYPES and kind != "boolean"):
        raise Fault("SerializationException", f"{path or 'The request'} must be a {kind}, not {type(value).__name__}")


def _camel(name: str) -> str:
    return name[:1].lower() + name[1:]


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    for java, python in _CLASSES.items():
        pattern = pattern.replace(java, python)
    # Two patterns of the model end in "${1,128}": a length, which `min` and `max` say already.
    pattern = re.sub(r"\$\{\d+,\d+\}$", "", pattern)
    try:
        return re.compile(pattern)
    except re.error:
        return None  # surrogate ranges that no Python text contains
