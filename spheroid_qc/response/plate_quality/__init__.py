"""Is this plate good enough? Separation of controls, edges, rows and columns."""
