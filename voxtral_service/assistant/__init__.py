"""The voice assistant: a text model behind the ear, and a voice in front of it."""
