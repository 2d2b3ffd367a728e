"""Other ways to judge programs, as they are in use."""
