"""Captures joined with their labels, whenever those come; and the count of what became of each."""
