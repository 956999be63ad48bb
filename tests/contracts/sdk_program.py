"""Does several things with the SageMaker SDK in one process, as a user of it would; a program of its own.

    sdk_program.py '{"sdk_data_quality": ["baseline.csv", "s3://bucket/out"], "sdk_model_explainability": []}'

Calls each module's ``answer`` with these arguments, all at the same time: loading the SDK takes seconds of CPU time,
and it looks at a job every ten seconds only. The last line it prints is JSON: module → answer.
"""

from __future__ import annotations

import importlib
import json
import sys
from concurrent.futures import ThreadPoolExecutor


def main(wanted: dict[str, list[str]]) -> None:
    # One after the other: the SDK's parts import one another.
    modules = {name: importlib.import_module(name) for name in wanted}
    with ThreadPoolExecutor(len(wanted)) as pool:
        begun = {name: pool.submit(modules[name].answer, *arguments) for name, arguments in wanted.items()}
        answers = {name: one.result() for name, one in begun.items()}
    print("\n" + json.dumps(answers))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
