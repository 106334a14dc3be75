"""Live sessions: audio in, turns and their transcripts out, in house events only."""
