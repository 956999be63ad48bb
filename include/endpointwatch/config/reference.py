"""The reference page of the endpoints' YAML files, from the models: ``python -m endpointwatch.config.reference``."""

from __future__ import annotations

import argparse
import sys
import types
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic import BaseModel, JsonValue
from pydantic.fields import FieldInfo

from endpointwatch.config.endpoint import Endpoint

_WORDS = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    type(None): "null",
    JsonValue: "any value",
}

INTRODUCTION = """\
# The endpoint file

One YAML file in `include/endpoints/` declares one watched endpoint. A key that is not listed here is refused, with its
line and the nearest valid key. Editors complete and check the file when its first line is

```yaml
# yaml-language-server: $schema=endpoint.schema.json
```

This page is generated from the models that read the file (`endpointwatch.config.endpoint`); do not edit it:

```
PYTHONPATH=include .venv/bin/python -m endpointwatch.config.reference --output docs/endpoint-file.md
```
"""


def reference() -> str:
    """The exact text of ``docs/endpoint-file.md``."""
    parts = [INTRODUCTION, *(_section(place, model) for place, model in _sections("", Endpoint))]
    return "\n".join(parts)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m endpointwatch.config.reference",
        description="Print the reference page of the files in include/endpoints/, or write it to a file.",
    )
    parser.add_argument("--output", type=Path, help="file to write; without it the page goes to standard output")
    options = parser.parse_args(arguments)
    if options.output is None:
        sys.stdout.write(reference())
    else:
        options.output.write_text(reference(), encoding="utf-8")
    return 0


def _sections(place: str, model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    """Every part of the file with its place, a part before the parts inside it."""
    yield place, model
    for name, field in model.model_fields.items():
        for inner in _models(field.annotation):
            item = ".<name>" if get_origin(field.annotation) is dict else "[]" if _many(field.annotation) else ""
            yield from _sections(f"{place}.{name}{item}".removeprefix("."), inner)


def _section(place: str, model: type[BaseModel]) -> str:
    title = "## The file" if not place else f"## `{place}`"
    kind = model.model_fields.get("kind")
    if kind is not None and place:
        title += f", `kind: {kind.default}`"
    about = " ".join((model.__doc__ or "").split())
    lines = [f"{title}\n", f"{about}\n", "| Key | Takes | Default | Meaning |", "|---|---|---|---|"]
    lines += [f"| {' | '.join(_cells(name, field))} |" for name, field in model.model_fields.items()]
    return "\n".join(lines) + "\n"


def _cells(name: str, field: FieldInfo) -> tuple[str, str, str, str]:
    return f"`{name}`", _takes(field), _default(field), _escaped(field.description or "")


def _takes(field: FieldInfo) -> str:
    text = ", or ".join(dict.fromkeys(_kinds(field.annotation)))
    metadata = [field, *field.metadata, *_metadata(field.annotation)]
    # An example says more than the pattern that it fits.
    examples = [example for part in metadata if isinstance(part, FieldInfo) for example in part.examples or ()]
    limits = [f"as `{example}`" for example in examples] or list(_limits(metadata[1:]))
    return _escaped("; ".join([text, *dict.fromkeys(limits)]))


def _kinds(annotation: Any) -> Iterator[str]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        for argument in arguments:
            yield from _kinds(argument)
    elif origin is Annotated:
        yield from _kinds(arguments[0])
    elif origin is Literal:
        yield " or ".join(f"`{value}`" for value in arguments)
    elif origin in (tuple, list):
        yield f"list of {', or '.join(_kinds(arguments[0]))}"
    elif origin is dict:
        yield f"keys with {', or '.join(_kinds(arguments[1]))}"
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield "section below"
    else:
        yield _WORDS.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _metadata(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Annotated:
        yield from annotation.__metadata__
    for argument in get_args(annotation):
        yield from _metadata(argument)


def _limits(metadata: Any) -> Iterator[str]:
    for limit in metadata:
        if isinstance(limit, FieldInfo):
            yield from _limits(limit.metadata)
        elif isinstance(limit, Ge):
            yield f"at least {limit.ge}"
        elif isinstance(limit, Gt):
            yield f"above {limit.gt}"
        elif isinstance(limit, Le):
            yield f"at most {limit.le}"
        elif isinstance(limit, Lt):
            yield f"below {limit.lt}"
        elif isinstance(limit, MinLen):
            yield f"at least {limit.min_length} of them"
        elif pattern := getattr(limit, "pattern", None):
            yield f"as `{pattern}`"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return "its own defaults"
    if value is None:
        return "null"
    if value in ("", (), {}):
        return "empty"
    if isinstance(value, tuple):
        return _escaped(", ".join(f"`{item}`" for item in value))
    return _escaped(f"`{str(value).lower() if isinstance(value, bool) else value}`")


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)


def _many(annotation: Any) -> bool:
    return get_origin(annotation) in (tuple, list) or any(_many(argument) for argument in get_args(annotation))


def _escaped(text: str) -> str:
    # A bar would end the table's cell, in code as well.
    return text.replace("|", "\\|")


if __name__ == "__main__":
    raise SystemExit(main())
