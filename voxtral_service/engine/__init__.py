"""Speech engines behind one port (`base`): audio in, hypotheses out."""
