"""The run folder: where everything lies, records, decisions of the user, and `run.json`."""
