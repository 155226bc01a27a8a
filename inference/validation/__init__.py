"""How well do predictions agree with what turned out: discrimination, calibration, usefulness, each with its interval.

Predictions are probabilities or scores of nodules, outcomes are what was found in the end. Nothing here knows a model,
a file or a person. The package itself imports nothing.
"""
