"""Links from a task to what it is about: console pages, logs, results."""
