"""Records in, tables out: rows, states, columns and warnings, made anew each time."""
