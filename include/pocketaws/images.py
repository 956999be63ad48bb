"""Which local command stands for which container image.

The file is JSON::

    {"images": [{"pattern": "*sagemaker-scikit-learn*",
                 "command": ["{python}", "{containers}/sklearn_example/entrypoint.py"],
                 "environment": {"PYTHONPATH": "{include}"}}]}

``pattern`` is matched against the whole image URI (``*``, ``?``, ``[...]``); the first entry that matches counts.
``command`` is what the image's ``ENTRYPOINT`` would be. ``{python}`` is the interpreter that runs the local AWS,
``{containers}`` the folder of the file, ``{include}`` the folder above it.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path


class ImageNotFound(Exception):  # noqa: N818 - the name is what users read in a job's FailureReason
    """No local command stands for the image."""


@dataclass(frozen=True, slots=True)
class Image:
    """A local command that keeps a container's contract.

    Attributes:
        pattern: The URIs it stands for.
        command: Its ``ENTRYPOINT``.
        environment: What its ``ENV`` lines would set.
    """

    pattern: str
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)


class Images:
    """The file of images, read anew at every lookup, so that an added entry counts at once.

    Args:
        path: The JSON file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def all(self) -> list[Image]:
        """Every entry, in the file's order.

        Raises:
            ValueError: The file is absent or malformed; the message names it and the entry.
        """
        try:
            entries = json.loads(self.path.read_text(encoding="utf-8"))["images"]
            return [self._image(number, entry) for number, entry in enumerate(entries)]
        except OSError as error:
            raise ValueError(
                f"The file of images {self.path} cannot be read ({error.strerror}). Name another with --images."
            ) from error
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise ValueError(
                f'The file of images {self.path} must be JSON of the form {{"images": [{{"pattern": ..., "command": '
                f"[...]}}]}}; it is not: {error!r}"
            ) from error

    def find(self, uri: str) -> Image:
        """The image that stands for ``uri``.

        Raises:
            ImageNotFound: No pattern matches.
        """
        for image in self.all():
            if fnmatchcase(uri, image.pattern):
                return image
        raise ImageNotFound(
            f"ImageNotFound: no local command stands for the image {uri} in {self.path}. Add an entry "
            '{"pattern": "*...*", "command": [...]} to that file, or start the local AWS with --images FILE.'
        )

    def _image(self, number: int, entry: dict[str, object]) -> Image:
        unknown = set(entry) - {"pattern", "command", "environment"}
        if unknown:
            raise ValueError(f"{self.path}: images.{number} has unknown keys {sorted(unknown)}")
        pattern, command, environment = entry["pattern"], entry["command"], entry.get("environment", {})
        if not (isinstance(pattern, str) and isinstance(command, list) and command and isinstance(environment, dict)):
            raise ValueError(
                f"{self.path}: images.{number} needs a text `pattern`, a list `command` that is not empty and, if "
                "given, an object `environment`"
            )
        return Image(
            pattern,
            tuple(self._expand(str(part)) for part in command),
            {str(key): self._expand(str(value)) for key, value in environment.items()},
        )

    def _expand(self, text: str) -> str:
        containers = self.path.resolve().parent
        places = {"{python}": sys.executable, "{containers}": str(containers), "{include}": str(containers.parent)}
        for name, value in places.items():
            text = text.replace(name, value)
        return text
