"""What a viewer knows: folder, plate map, settings, tables and decisions; no widgets."""
