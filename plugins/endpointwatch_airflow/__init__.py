"""How Airflow reaches the engine: hooks, operators, sensors, triggers, links and the DAGs of an endpoint."""
