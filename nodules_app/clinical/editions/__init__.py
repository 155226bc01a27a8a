"""One edition of one guideline in one file: its rows as data with their source, and how they are read."""
