"""Recordings that are transcribed in the background, and survive the death of the server."""
