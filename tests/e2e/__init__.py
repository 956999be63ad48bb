"""End-to-end tests. A package, so that its stack ends with the last of them and not with the session."""
