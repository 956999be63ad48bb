"""The only place that meets boto3. Answers come back in the types of :mod:`endpointwatch_airflow.hooks.answers`."""
