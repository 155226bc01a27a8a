"""What is it, how big, how fast does it grow, and how sure are we.

No number leaves this package without its error. May import ``registration`` (volumes, transforms); knows nothing of
people, databases or Django. The package itself imports nothing.
"""
