"""What people call from a shell: arguments in, text out, an exit code."""
