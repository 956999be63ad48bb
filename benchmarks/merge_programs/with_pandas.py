"""The same by pandas and scikit-learn: both sides read as JSON Lines, merged, written, measured."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pandas as pd
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    precision_recall_curve,
    precision_score,
    recall_score,
    roc_auc_score,
    roc_curve,
)

from harness.inside import Work, tell

CUT = 0.5
START, END = "2026-11-01T00:00:00Z", "2026-11-02T01:00:00Z"


def read(folder: Path) -> pd.DataFrame:
    return pd.concat((pd.read_json(path, lines=True) for path in sorted(folder.rglob("*.jsonl"))), ignore_index=True)


def measured(actual: pd.Series, score: pd.Series) -> dict[str, float]:
    predicted = (score > CUT).astype(int)
    confusion_matrix(actual, predicted)
    roc_curve(actual, score)
    precision_recall_curve(actual, score)
    return {
        "accuracy": accuracy_score(actual, predicted),
        "recall": recall_score(actual, predicted),
        "precision": precision_score(actual, predicted),
        "f1": f1_score(actual, predicted),
        "auc": roc_auc_score(actual, score),
    }


def main() -> None:
    data = Path(sys.argv[1])
    with tempfile.TemporaryDirectory(dir=data.parent) as place, Work() as work:
        captures = read(data / "captures")
        about = pd.DataFrame(captures["eventMetadata"].tolist())
        captures["id"] = about["inferenceId"].fillna(about["eventId"]) if "inferenceId" in about else about["eventId"]
        time = pd.to_datetime(about["inferenceTime"])
        captures = captures[(time >= START) & (time < END)]
        labels = read(data / "ground_truth")
        labels["id"] = [record["eventId"] for record in labels["eventMetadata"]]
        labels = labels[["id", "groundTruthData"]].drop_duplicates("id", keep="last")
        merged = captures.merge(labels, on="id")
        merged.drop(columns="id").to_json(Path(place) / "merged.jsonl", orient="records", lines=True)
        score = pd.Series([float(record["endpointOutput"]["data"]) for record in merged["captureData"]])
        actual = pd.Series([int(record["data"]) for record in merged["groundTruthData"]])
        told = measured(actual, score)
        frame = pd.DataFrame({"actual": actual, "score": score})
        # Model Monitor's standard deviations: the metrics of five draws of 80 %.
        for seed in range(5):
            drawn = frame.sample(frac=0.8, random_state=seed)
            measured(drawn["actual"], drawn["score"])
    tell(work, matched=len(merged), **told)


if __name__ == "__main__":
    main()
