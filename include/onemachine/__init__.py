"""The whole of EndpointWatch on one machine: PostgreSQL, the local AWS and Airflow's four components.

``python -m onemachine up`` starts them, ``down`` ends them; :func:`onemachine.stack.up` is the same from Python.
Neither root nor Docker is needed; both are fine.
"""
