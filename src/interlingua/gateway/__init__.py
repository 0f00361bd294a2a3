"""HTTP: any client of any dialect, answered by any model."""
