"""A clinic's own list, from a file to typed lines: cells, columns, days, sizes, words. Knows no Django, no database."""
