"""The demo: real mortgage applications, a model that decides on them, and a change nobody told the model about.

It is an ordinary user of the project: it talks to Airflow by its REST API and to AWS by boto3, nothing else. The story
is told in ``docs/demo.md``; ``python -m loanapp.demo`` plays it.
"""

from __future__ import annotations
