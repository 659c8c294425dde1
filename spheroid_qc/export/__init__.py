"""What was found, for other programs: GraphPad Prism, spreadsheets, Parquet."""
