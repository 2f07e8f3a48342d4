"""Questions in SQL whose tables are dataset versions."""
