"""Acts on many patients at once: all of them or none, each recorded, and undone as new recorded changes."""
