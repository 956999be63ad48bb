"""A program that runs another one again and again, each time in a forked process that has scikit-learn already.

Importing it is most of what the example container's programs cost. Whatever they import of their own is read anew.
Each line on standard input is a run: ``{"arguments": […], "environment": {…}, "stdout": path, "stderr": path}``; each
line on standard output is its exit code.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
import traceback
from pathlib import Path

import joblib  # noqa: F401
import sklearn.impute
import sklearn.linear_model
import sklearn.metrics
import sklearn.pipeline
import sklearn.preprocessing  # noqa: F401


def main() -> None:
    program = sys.argv[1]
    for line in sys.stdin:
        told = json.loads(line)
        child = os.fork()
        if not child:
            os._exit(run(program, told))
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def run(program: str, told: dict) -> int:
    for number, name in ((1, "stdout"), (2, "stderr")):
        file = os.open(told[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, number)
    os.environ.clear()
    os.environ.update(told["environment"])
    sys.argv = [program, *told["arguments"]]
    sys.path[0] = str(Path(program).parent)
    code: object = 0
    try:
        runpy.run_path(program, run_name="__main__")
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - as the interpreter does with whatever is left
        traceback.print_exc()
        code = 1
    if isinstance(code, str):
        sys.stderr.write(f"{code}\n")
    sys.stdout.flush()
    sys.stderr.flush()
    return code if isinstance(code, int) else int(code is not None)


if __name__ == "__main__":
    main()
