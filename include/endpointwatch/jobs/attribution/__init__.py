"""What the attribution monitor's part of a job is made of."""
