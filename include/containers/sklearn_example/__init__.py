"""An example model container: scikit-learn classifiers that train, serve and are evaluated on tabular data."""
