"""Planted faults in the clinical core, and whether its tests notice: ``python -m tests.mutants`` (``make mutants``).

A fault is planted on the way from the file to the interpreter, in a forked child; the checkout is never written to.
"""
