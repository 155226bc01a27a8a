"""Risk models, one file each: coefficients with their source, the population they were made for."""
