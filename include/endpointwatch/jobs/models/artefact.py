"""A model artefact (``model.tar.gz``) as SageMaker's containers load it.

An artefact that ships ``inference.py`` (at its root or in ``code/``) is loaded and asked by its own handlers, as
SageMaker's framework containers do; else it must hold one scikit-learn estimator as ``*.joblib`` or ``*.pkl``.

Loading runs code of the artefact: handlers are code, and so is a pickle. Only artefacts of one's own may be mounted,
as only such ones may be deployed.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import sys
import tarfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from endpointwatch.config.data_quality import JsonPayloads
from endpointwatch.errors import ModelError
from endpointwatch.jobs.models.rows import Matrix, csv_body, numbers, outputs

CSV = "text/csv"
_PICKLES = frozenset({".joblib", ".pkl", ".pickle"})
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Artefact:
    """A loaded model.

    Attributes:
        features: Its inputs, in their order.
        estimator: What was loaded; explained by its structure where that is known.
        handlers: The artefact's ``inference.py``; None without one.
        digest: SHA-256 of the archive, or of the folder's files.
        selection: Where answers stand in JSON.
    """

    features: tuple[str, ...]
    estimator: Any
    handlers: ModuleType | None
    digest: str
    selection: JsonPayloads = field(default_factory=JsonPayloads)

    def matrix(self, texts: NDArray[Any]) -> NDArray[Any]:
        """Rows of texts as the model takes them: numbers, unless handlers are given texts that are none.

        Raises:
            ModelError: A value is no number, and there are no handlers that could know what it means.
        """
        try:
            return numbers(texts, self.features)
        except ModelError:
            if self.handlers is None:
                raise
            return texts

    def predict(self, rows: NDArray[Any]) -> Matrix:
        """Outputs, shape ``(rows, outputs)``: of a classifier of two classes the probability of the second.

        Raises:
            ModelError: It fails, or does not answer with numbers.
        """
        try:
            answer = self._handled(rows) if self.handlers else self._answer(rows)
        except Exception as error:
            raise ModelError(
                f"The model of the artefact fails on {len(rows)} rows: {type(error).__name__}: {error}. Load the "
                "artefact with the library versions it was trained with, or set `model: {source: endpoint}`."
            ) from error
        return outputs(answer, len(rows), self.selection)

    def _answer(self, rows: NDArray[Any]) -> Any:
        if not hasattr(self.estimator, "predict_proba"):
            return self.estimator.predict(rows)
        told = np.asarray(self.estimator.predict_proba(rows))
        return told[:, 1:] if told.shape[1] == 2 else told  # noqa: PLR2004 (two classes: one score)

    def _handled(self, rows: NDArray[Any]) -> Any:
        body = csv_body(_texts(rows) if rows.dtype != object else rows)
        own = vars(self.handlers)
        if transform := own.get("transform_fn"):
            return transform(self.estimator, body, CSV, CSV)
        data = own["input_fn"](body, CSV) if "input_fn" in own else rows
        told = own["predict_fn"](data, self.estimator) if "predict_fn" in own else self.estimator.predict(data)
        return own["output_fn"](told, CSV) if "output_fn" in own else told


def load(folder: Path, features: Sequence[str], scratch: Path, selection: JsonPayloads | None = None) -> Artefact:
    """The model in ``folder``: a ``*.tar.gz``, or the files of one.

    Args:
        folder: Where the job's input lies.
        features: The model's inputs, in their order.
        scratch: An empty folder to unpack into; must live as long as the model.
        selection: Where answers stand in JSON.

    Raises:
        ModelError: There is none, it cannot be unpacked or loaded, or it takes another number of features.
    """
    found = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    if not found:
        raise ModelError(
            f"No model artefact is mounted at {folder}. The model version's ModelDataUrl must be readable for the "
            "job's role; where no artefact may be read, set `model: {source: endpoint}`."
        )
    archives = [path for path in found if path.name.endswith((".tar.gz", ".tgz"))]
    if len(archives) > 1:
        raise ModelError(f"{folder} holds several archives: {[path.name for path in archives]}. Mount one model.")
    root = unpack(archives[0], scratch) if archives else folder
    handlers = _handlers(root)
    estimator = _estimator(root, handlers)
    _require_width(estimator, features)
    return Artefact(tuple(features), estimator, handlers, _digest(archives or found), selection or JsonPayloads())


def unpack(archive: Path, folder: Path) -> Path:
    """Extract an archive; members that would leave ``folder`` (paths, links, devices) are refused.

    Raises:
        ModelError: It has such a member, or is no whole archive.
    """
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
    except tarfile.FilterError as error:
        raise ModelError(f"{archive.name} is refused: {error}. Pack plain files below the archive's root.") from error
    except (tarfile.TarError, OSError, EOFError) as error:
        raise ModelError(f"{archive.name} is no whole tar.gz archive: {' '.join(str(error).split())}") from error
    return folder


def _handlers(root: Path) -> ModuleType | None:
    path = next((place for place in (root / "code" / "inference.py", root / "inference.py") if place.is_file()), None)
    if path is None:
        return None
    # Handlers import what lies beside them, some only when they are called.
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location("endpointwatch_model_handlers", path)
    if spec is None or spec.loader is None:
        raise ModelError(f"{path} is no Python module.")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ModelError(
            f"The artefact's inference.py cannot be imported: {type(error).__name__}: {error}. Build the analyzer's "
            "image with what it imports, or set `model: {source: endpoint}`."
        ) from error
    return module


def _estimator(root: Path, handlers: ModuleType | None) -> Any:
    model_fn = getattr(handlers, "model_fn", None)
    pickles = sorted(path for path in root.rglob("*") if path.suffix in _PICKLES and path.is_file())
    if model_fn is None and len(pickles) != 1:
        raise ModelError(
            f"The artefact holds {len(pickles)} files named *.joblib, *.pkl or *.pickle and no inference.py with "
            "model_fn; one of the two says how it is loaded. Or set `model: {source: endpoint}`."
        )
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        try:
            if model_fn is not None:
                return model_fn(str(root))
            import joblib  # noqa: PLC0415 - with scikit-learn behind it; needed where there is an artefact to load

            return joblib.load(pickles[0])
        except Exception as error:
            raise ModelError(
                f"The model artefact cannot be loaded: {type(error).__name__}: {error}. Build the analyzer's image "
                "with the library versions it was trained with, or set `model: {source: endpoint}`."
            ) from error
        finally:
            for warning in raised:
                _log.warning("loading the model: %s", " ".join(str(warning.message).split()))


def _require_width(estimator: Any, features: Sequence[str]) -> None:
    width = getattr(estimator, "n_features_in_", None)
    if isinstance(width, int) and width != len(features):
        own = getattr(estimator, "feature_names_in_", None)
        known = f" ({', '.join(map(str, own[:5]))}, …)" if own is not None else ""
        raise ModelError(
            f"The model takes {width} features{known}, but {len(features)} are declared: {', '.join(features[:5])}, …. "
            "List them in the model's order under the monitor's `features`."
        )


def _digest(paths: Sequence[Path]) -> str:
    total = hashlib.sha256()
    for path in paths:
        total.update(path.read_bytes())
    return total.hexdigest()


def _texts(rows: NDArray[Any]) -> NDArray[Any]:
    """Numbers as the shortest texts that read as the same ones, whole ones without a point; missing ones None."""
    table = np.empty(rows.shape, object)
    for place, value in np.ndenumerate(rows):
        table[place] = None if np.isnan(value) else repr(float(value)).removesuffix(".0")
    return table
