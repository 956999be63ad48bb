"""How each monitor's part of a job is done: read what it needs, judge or learn, write its files.

A module a monitor, each with ``NAME``, ``judge`` (one window) and ``learn`` (a baseline); :mod:`.registry` lists them.
"""
