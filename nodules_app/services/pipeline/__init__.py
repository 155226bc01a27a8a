"""The main job in eight steps, one file each; the only services that load the imaging cores.

Every step is a function that takes its run, does the long work outside any transaction, and returns the function that
stores the result. ``execute`` calls that one inside the transaction that also ends the run, so that a result is stored
once or not at all.
"""
