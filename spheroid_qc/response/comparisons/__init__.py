"""Each condition against its vehicle: effect sizes, exact tests, Dunnett, Holm."""
