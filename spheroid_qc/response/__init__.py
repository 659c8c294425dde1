"""Drug response: tables in, tables out. Usable on any tidy table."""
