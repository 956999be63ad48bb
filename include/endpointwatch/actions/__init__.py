"""What is done about a decision, as far as it is arithmetic: names, request bodies, and whether a challenger wins.

Nothing here talks to AWS. Each request body is a pure function of the endpoint's declaration and what earlier steps
made, so that a retry asks for exactly the same thing.
"""

from __future__ import annotations
