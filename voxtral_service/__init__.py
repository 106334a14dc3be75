"""Self-hosted speech service: live and batch transcription with Voxtral-style models."""

__version__ = "0.1.0"
