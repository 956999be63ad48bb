"""Endpoints as their YAML files declare them, windows, and where results lie."""
