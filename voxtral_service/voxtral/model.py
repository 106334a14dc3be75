"""The whole network in one object."""

from __future__ import annotations

from torch import Tensor, nn

from voxtral_service.voxtral.config import VoxtralRealtimeConfig
from voxtral_service.voxtral.decoder import Decoder
from voxtral_service.voxtral.encoder import Adapter, Encoder
from voxtral_service.voxtral.log_mel import LogMel


class VoxtralRealtime(nn.Module):
    """Log-mel front end, encoder, adapter and decoder of a Voxtral Realtime model."""

    def __init__(self, config: VoxtralRealtimeConfig) -> None:
        super().__init__()
        self.config = config
        self.log_mel = LogMel(config.encoder.num_mel_bins)
        self.encoder = Encoder(config.encoder)
        self.adapter = Adapter(config.encoder.hidden_size, config.decoder.hidden_size)
        self.decoder = Decoder(config.decoder)

    def encode(self, mel: Tensor) -> Tensor:
        """A full pass of the audio side: mel [batch, 8 n, num_mel_bins] -> [batch, n, hidden_size]."""
        return self.adapter(self.encoder(mel))  # type: ignore[no-any-return]

    def forward(self, mel: Tensor, input_ids: Tensor, delays: Tensor) -> Tensor:
        """Logits of a full pass, as in training.

        mel [batch, 8 n, num_mel_bins]; input_ids int64 [batch, n], the token at each position, prompt too;
        delays int64 [batch] in tokens. Returns [batch, n, vocab_size]; position p predicts token p + 1.
        """
        x = self.decoder.embedding(input_ids) + self.encode(mel)
        return self.decoder.logits(self.decoder(x, delays))
