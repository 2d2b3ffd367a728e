"""Code: the program in a completion against its tests."""
