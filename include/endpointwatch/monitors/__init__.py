"""The monitors, each one module with ``compute``, ``suggest`` and ``check``; :mod:`.registry` lists them."""
