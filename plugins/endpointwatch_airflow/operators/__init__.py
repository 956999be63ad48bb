"""Operators: each starts something, waits for it, and hands on where the result lies."""
