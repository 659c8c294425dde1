"""Where numbers become words: the one place that says what an analysis found."""
