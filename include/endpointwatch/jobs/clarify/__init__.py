"""A Clarify processing job: ``analysis_config.json`` in, ``analysis.json`` out."""
