"""The learned models as torch modules, one a file, what each must take and give, and how they are loaded and run."""
