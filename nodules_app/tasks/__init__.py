"""What workers are told. Each task unpacks its argument and calls one service.

``desk`` is what the desk's worker knows; ``imaging`` loads the libraries of images, and is for the others.
"""
