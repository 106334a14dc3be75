"""The Voxtral Realtime network: tensors in, tensors out; no streams, no slots, no files but a model's."""
