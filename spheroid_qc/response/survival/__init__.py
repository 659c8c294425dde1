"""Since when does it fall apart? Kaplan-Meier estimates and the log-rank test."""
