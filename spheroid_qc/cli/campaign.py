"""`spheroid-qc run PLATES... --campaign DIR`: many plates, and what is said of them all."""
