"""Facts about models: limits, abilities, prices, each with source and date."""
