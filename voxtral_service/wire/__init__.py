"""The languages clients speak: each dialect turns its frames into house commands and house events into its frames.

A dialect is one object per connection. It does no I/O, never asks for the time, and may answer at once; whoever owns
the socket moves frames, whoever owns the session carries out commands.
"""
