"""Sensors: they wait until something outside Airflow is so."""
