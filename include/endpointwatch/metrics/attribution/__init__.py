"""How much each feature moves a model's output (Shapley values), and how far that has drifted."""
