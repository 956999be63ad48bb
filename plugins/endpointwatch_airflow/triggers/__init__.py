"""The waiting half of the deferrable operators and sensors; it runs in the triggerer."""
