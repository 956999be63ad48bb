"""What ``spark-submit`` runs: the engine's job on the cluster. The engine itself comes along by ``--py-files``."""

from __future__ import annotations

from endpointwatch.jobs.spark import main

if __name__ == "__main__":
    raise SystemExit(main())
