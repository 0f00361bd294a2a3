"""What things cost, measured side by side in one run; ratios count, not times."""
