"""From YAML files to frozen models; every fault names its file, its key, the nearest valid key and the remedy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import ValidationError

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.faults import describe
from endpointwatch.errors import ConfigError

SUFFIXES = frozenset({".yaml", ".yml"})


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What a folder of YAML files declares: the endpoints that can be used, and what is wrong with the others.

    Iterating gives the good ones, in the order of their file names, so that one bad file stops nobody else;
    whoever must not overlook a bad one (a check in CI, one DAG file) calls :meth:`require_all`.
    """

    endpoints: tuple[Endpoint, ...]
    faults: tuple[ConfigError, ...] = ()

    def __iter__(self) -> Iterator[Endpoint]:
        return iter(self.endpoints)

    def __len__(self) -> int:
        return len(self.endpoints)

    def require_all(self) -> tuple[Endpoint, ...]:
        """All endpoints.

        Raises:
            ConfigError: At least one file is wrong; the text holds every fault.
        """
        if self.faults:
            raise ConfigError("\n".join(str(fault) for fault in self.faults))
        return self.endpoints


def files(folder: Path | str) -> tuple[Path, ...]:
    """The YAML files directly in ``folder``, sorted by name; hidden ones are left out.

    Raises:
        ConfigError: There is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder. Endpoints are declared by YAML files in include/endpoints/.")
    return tuple(sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES and not path.name.startswith(".")))


def load(path: Path | str) -> Endpoint:
    """The endpoint that one file declares.

    Raises:
        ConfigError: The file cannot be read, is no YAML, repeats a key, or says something the models do not know.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        document = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}). It must be a YAML file in UTF-8.") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: is not valid YAML: {_one_line(error)}. Mend the line that is named.") from error
    if not isinstance(root, yaml.MappingNode):
        raise ConfigError(f"{path}: must be a mapping of keys (name, aws, results_uri, …), no list or single value.")
    _no_repeated_keys(root, path)
    try:
        return Endpoint.model_validate(document)
    except ValidationError as error:
        raise ConfigError(describe(error, Endpoint, path, root)) from error


def load_all(folder: Path | str) -> Endpoints:
    """Every endpoint declared in ``folder``, file by file: a bad file is a fault in the answer, not an exception.

    Raises:
        ConfigError: There is no such folder.
    """
    found: dict[str, tuple[Path, Endpoint]] = {}
    faults: list[ConfigError] = []
    for path in files(folder):
        try:
            endpoint = load(path)
        except ConfigError as error:
            faults.append(error)
            continue
        if endpoint.name in found:
            first = found[endpoint.name][0]
            faults.append(
                ConfigError(
                    f"{path}: name: the endpoint {endpoint.name!r} is already declared in {first.name}. "
                    "Keep one of the two files; the first by name is used until then."
                )
            )
            continue
        found[endpoint.name] = (path, endpoint)
    return Endpoints(tuple(endpoint for _, endpoint in found.values()), tuple(faults))


def _no_repeated_keys(node: yaml.Node, path: Path, trail: str = "") -> None:
    # YAML's safe loader lets the last of two equal keys win without a word: the first would be a setting nobody reads.
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            name = str(key.value)
            here = f"{trail}.{name}" if trail else name
            if name in seen:
                raise ConfigError(
                    f"{path}:{key.start_mark.line + 1}: {here}: stands here a second time, first in line "
                    f"{seen[name]}. Remove one of the two."
                )
            seen[name] = key.start_mark.line + 1
            _no_repeated_keys(value, path, here)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _no_repeated_keys(value, path, f"{trail}.{index}" if trail else str(index))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
