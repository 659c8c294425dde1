"""From any table of responses that people bring to rows with known columns, or a question."""
