"""The DAGs of one endpoint, each a function from its YAML file to a DAG."""
