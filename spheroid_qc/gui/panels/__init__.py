"""What is docked in napari: one widget a panel, and what panels are made of."""
