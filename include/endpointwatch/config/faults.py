"""Pydantic's faults in words a person can act on: file and line, key path, nearest valid key, remedy."""

from __future__ import annotations

import types
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

Loc = tuple[int | str, ...]


def describe(error: ValidationError, model: type[BaseModel], path: Path, root: yaml.Node | None = None) -> str:
    """All faults of one file, one a line: ``file:line: key.path: what is wrong. How to mend it.``"""
    faults = error.errors(include_url=False)
    return "\n".join(_line(fault, model, path, root) for fault in faults if not _follows(fault, faults))


def _follows(fault: ErrorDetails, faults: Sequence[ErrorDetails]) -> bool:
    # A list whose only item is wrong is also reported as too short; the item's own fault says it better.
    loc = tuple(fault["loc"])
    if fault["type"] == "string_type" and loc[-1:] == ("str",) and isinstance(fault["input"], dict):
        # Where text or a section may stand, a section's own fault says it better.
        loc = loc[:-1]
    elif fault["type"] != "too_short":
        return False
    return any(tuple(other["loc"])[: len(loc)] == loc != other["loc"] for other in faults if other is not fault)


def _line(fault: ErrorDetails, model: type[BaseModel], path: Path, root: yaml.Node | None) -> str:
    loc = tuple(fault["loc"])
    if fault["type"] == "union_tag_invalid":
        loc = (*loc, "kind")
    line = _line_number(root, loc)
    place = f"{path}:{line}" if line else str(path)
    key = ".".join(str(part) for part in _written(model, loc)) or "(the whole file)"
    return f"{place}: {key}: {_text(fault, model, loc)}"


def _text(fault: ErrorDetails, model: type[BaseModel], loc: Loc) -> str:
    kind = fault["type"]
    if kind == "extra_forbidden":
        return _unknown_key(_owners(model, loc[:-1]), loc[-1])
    if kind == "missing":
        return f"this key is required and missing. {_meaning(model, loc)}Add it."
    if kind == "union_tag_invalid":
        tags = [tag.strip(" '") for tag in fault["ctx"]["expected_tags"].split(",")]
        return f"{fault['ctx']['tag']!r} is none of {', '.join(tags)}. {_nearest(fault['ctx']['tag'], tags)}".rstrip()
    if kind == "literal_error":
        choices = [str(choice) for choice in _choices(model, loc)]
        return f"{fault['msg']}, not {fault['input']!r}. {_nearest(fault['input'], choices)}".rstrip()
    if kind == "string_type" and isinstance(fault["input"], bool | int | float):
        # YAML reads an unquoted 1 or yes as something else than a text.
        return f"{fault['msg']} (it says {fault['input']!r}). Put the text in quotes."
    message = fault["msg"].removeprefix("Value error, ").rstrip(".")
    got = "" if isinstance(fault["input"], dict | list) or kind == "value_error" else f" (it says {fault['input']!r})"
    return f"{message}{got}. {_meaning(model, loc)}Correct the value.".rstrip()


def _unknown_key(owners: Sequence[type[BaseModel]], key: int | str) -> str:
    for owner in owners:
        if told := getattr(owner, "moved", {}).get(key):
            return f"there is no such key any more. {told}"
    valid = sorted({name for owner in owners for name in owner.model_fields})
    return f"there is no such key. {_nearest(key, valid)}Valid keys here: {', '.join(valid)}."


def _nearest(key: object, valid: Sequence[str]) -> str:
    near = get_close_matches(str(key), valid, n=1, cutoff=0.5)
    return f"Did you mean {near[0]!r}? " if near else ""


def _meaning(model: type[BaseModel], loc: Loc) -> str:
    if not loc:
        return ""
    for owner in _owners(model, loc[:-1]):
        field = owner.model_fields.get(str(loc[-1]))
        if field and field.description:
            return f"{field.description.rstrip('.')}. "
    return ""


def _choices(model: type[BaseModel], loc: Loc) -> Iterator[Any]:
    while isinstance(loc[-1], int):
        loc = loc[:-1]  # an item of a list has the list's choices
    for owner in _owners(model, loc[:-1]):
        if field := owner.model_fields.get(str(loc[-1])):
            for part in _leaves(field.annotation):
                if get_origin(part) is Literal:
                    yield from get_args(part)


def _owners(model: type[BaseModel], loc: Loc) -> list[type[BaseModel]]:
    """The models whose keys stand at ``loc``: several where a union has not been told apart."""
    owners: list[type[BaseModel]] = [model]
    for part in loc:
        if isinstance(part, int):
            continue  # an item of a list has the list's models
        below: list[type[BaseModel]] = []
        for owner in owners:
            if field := owner.model_fields.get(part):
                below += [leaf for leaf in _leaves(field.annotation) if _is_model(leaf)]
        # A part that is no field is the tag of a union: `monitors.0.data_quality`.
        owners = below or [owner for owner in owners if _tagged(owner, part)] or owners
    return owners


def _written(model: type[BaseModel], loc: Loc) -> Loc:
    """The place as it stands in the file: without the tags and names by which pydantic tells a union's parts apart."""
    shown: list[int | str] = []
    owners: list[type[BaseModel]] = [model]
    for place, part in enumerate(loc):
        known = any(part in owner.model_fields for owner in owners)
        # A bracket stands in pydantic's own names: `function-after[…]`, `tuple[…]`.
        if known or isinstance(part, int) or not ("[" in part or any(_tagged(owner, part) for owner in owners)):
            shown.append(part)
        owners = _owners(model, loc[: place + 1])
    return tuple(shown)


def _tagged(owner: type[BaseModel], tag: str) -> bool:
    kind = owner.model_fields.get("kind")
    return kind is not None and tag in get_args(kind.annotation)


def _is_model(leaf: Any) -> bool:
    return isinstance(leaf, type) and issubclass(leaf, BaseModel)


def _leaves(annotation: Any) -> Iterator[Any]:
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType, tuple, list, dict, set, frozenset):
        for part in get_args(annotation):
            yield from _leaves(part)
    elif origin is Annotated:
        yield from _leaves(get_args(annotation)[0])
    else:
        yield annotation


def _line_number(node: yaml.Node | None, loc: Loc) -> int | None:
    """The line of the deepest part of ``loc`` that stands in the file, counted from 1."""
    line: int | None = None
    for part in loc:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(part):
                    node, line = value, key.start_mark.line + 1
                    break
    return line
