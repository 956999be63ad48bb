"""The model to explain, as a function of rows: its artefact loaded in the job, or the live endpoint asked."""
