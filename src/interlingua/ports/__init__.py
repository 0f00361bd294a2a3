"""What the rooms above the wire promise each other. Siblings meet only here."""
