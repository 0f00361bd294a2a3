"""Where models are served, and who we are there: rows of data, and modules only for behaviour."""
