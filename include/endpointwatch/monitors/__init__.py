"""The monitors' arithmetic, each with ``compute``, ``suggest`` and ``check``; what runs them is listed in the jobs."""
