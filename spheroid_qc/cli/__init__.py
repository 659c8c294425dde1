"""`spheroid-qc`: arguments to calls, errors to exit states, answers to lines."""
