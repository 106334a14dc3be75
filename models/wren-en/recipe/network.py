"""The network while it trains: the project's own modules, a head that is thrown away, faster full-pass attention."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from voxtral_service.voxtral.config import DecoderConfig, EncoderConfig, VoxtralRealtimeConfig
from voxtral_service.voxtral.config_files import read_hugging_face_config
from voxtral_service.voxtral.model import VoxtralRealtime


def configuration(run: Path, vocab_size: int) -> VoxtralRealtimeConfig:
    """Return the shape that a run goes on with (its `config.json`), or else that of `wren-en`.

    `wren-en` has under 6 M parameters, 11 MB in bfloat16.

    The windows are shorter than the public model's (750 and 8192): rows of 15 s train no distance beyond them, six
    layers of 2.6 s reach back over all of a row, and a server of many streams spends most of its time on attention.
    """
    if (run / "config.json").exists():
        return read_hugging_face_config(run / "config.json")
    encoder = EncoderConfig(
        hidden_size=192, intermediate_size=512, num_layers=6, num_heads=3, head_dim=64, sliding_window=128
    )
    decoder = DecoderConfig(
        vocab_size=vocab_size, hidden_size=256, intermediate_size=640, num_layers=3, num_heads=4, num_kv_heads=2,
        head_dim=64, sliding_window=96,
    )  # fmt: skip
    return VoxtralRealtimeConfig(encoder=encoder, decoder=decoder, default_delay_tokens=6)


class BlockWindow:
    """Keys and values of a full pass over a sliding window, whose queries go in blocks as long as the window.

    Equal to `layers.CausalWindow`, for times that are a multiple of the window. A block of queries sees only its own
    keys and those of the block before, and all are plain matrix products: on a CPU faster than
    `scaled_dot_product_attention`, forward and backward.
    """

    def __init__(self, window: int, device: torch.device) -> None:
        self._window = window
        age = torch.arange(window, device=device)[:, None] + window - torch.arange(2 * window, device=device)
        self._later = torch.zeros(age.shape, device=device).masked_fill_((age < 0) | (age >= window), float("-inf"))
        self._first = self._later.clone()
        self._first[:, :window] = float("-inf")

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """See `KeyValues`."""
        time, heads, size = q.shape[1:]
        blocks = time // self._window
        if k.shape[2] != heads:
            k, v = (x.repeat_interleave(heads // k.shape[2], 2) for x in (k, v))
        q, k, v = (x.transpose(1, 2).unflatten(2, (blocks, self._window)) for x in (q, k, v))
        k, v = (torch.cat((F.pad(x[:, :, :-1], (0, 0, 0, 0, 1, 0)), x), 3) for x in (k, v))
        bias = torch.stack([self._first] + [self._later] * (blocks - 1)).to(q.dtype)
        shares = ((q * size**-0.5) @ k.mT + bias).softmax(-1)
        return (shares @ v).flatten(2, 3).transpose(1, 2)


class Trainee(nn.Module):
    """A model and the heads that teach its audio side.

    The piece head is the decoder's own: normalised adapter vectors times the token embedding, padding as CTC's blank.
    So the audio side learns to speak in the decoder's terms, and the decoder only has to put it in order. The phone
    head reads pairs of encoder frames (25 Hz) and is thrown away in the end; phones are what an encoder learns first,
    and they time the words of real speech.
    """

    def __init__(self, config: VoxtralRealtimeConfig, num_phones: int) -> None:
        super().__init__()
        self.model = VoxtralRealtime(config)
        self.phone_head = nn.Linear(2 * config.encoder.hidden_size, num_phones + 1)
        with torch.no_grad():
            self.model.decoder.embedding.weight.normal_(std=0.05)
            for layer in [*self.model.encoder.layers, *self.model.decoder.layers]:
                layer.attention.out.weight.mul_(0.4)
                layer.ffn.down.weight.mul_(0.4)

    def hear(self, mel: Tensor, window: BlockWindow, phones_teach: bool = True) -> tuple[Tensor, Tensor]:
        """Mel [batch, 8 n, bins] -> phone logits [batch, 2 n, phones + 1], adapter vectors [batch, n, hidden].

        Unless `phones_teach`, the phone head learns without moving the encoder.
        """
        encoder = self.model.encoder
        x, _ = encoder.stem(mel, encoder.stem.initial_state(mel.shape[0], mel))
        angles = encoder.angles(torch.arange(x.shape[1], device=x.device)[None], x.dtype)
        frames = encoder.transform(x, angles, window)
        heard = (frames if phones_teach else frames.detach()).unflatten(1, (-1, 2)).flatten(2)
        return self.phone_head(heard), self.model.adapter(frames)

    def piece_log_probs(self, audio: Tensor) -> Tensor:
        """Adapter vectors [batch, n, hidden] -> float32 log probabilities of pieces [batch, n, vocabulary]."""
        decoder = self.model.decoder
        return decoder.logits(F.rms_norm(audio, (audio.shape[-1],)) * decoder.norm.weight).float().log_softmax(-1)

    def write(self, audio: Tensor, input_ids: Tensor, delays: Tensor, window: BlockWindow) -> Tensor:
        """Adapter vectors, tokens [batch, n] and delays [batch] -> decoder logits [batch, n, vocabulary]."""
        decoder = self.model.decoder
        x = decoder.embedding(input_ids) + audio
        angles = decoder.angles(torch.arange(x.shape[1], device=x.device)[None], x.dtype)
        return decoder.logits(decoder.transform(x, decoder.delay_scales(delays), angles, window))


@dataclass
class Segment:
    """Labels that are heard in row `row` between `start` and `end` seconds."""

    row: int
    start: float
    end: float
    labels: list[int]


def ctc(log_probs: Tensor, segments: list[Segment], frame_seconds: float, blank: int) -> Tensor:
    """CTC loss per label of float32 `log_probs` [rows, time, classes], each utterance within its own stretch of a row.

    Knowing where utterances begin and end saves the network from finding that out.
    Frames outside all stretches must be blank.
    """
    device, time = log_probs.device, log_probs.shape[1]
    starts = [int(s.start / frame_seconds) for s in segments]
    ends = [min(time, max(start + 1, round(s.end / frame_seconds))) for s, start in zip(segments, starts, strict=True)]
    outside = torch.ones(log_probs.shape[:2])
    for segment, start, end in zip(segments, starts, ends, strict=True):
        outside[segment.row, start:end] = 0
    loss = -0.5 * (log_probs[..., blank] * outside.to(device)).sum()
    lengths = torch.tensor([end - start for start, end in zip(starts, ends, strict=True)])
    sizes = torch.tensor([len(s.labels) for s in segments])
    if segments:
        index = (torch.tensor(starts)[:, None] + torch.arange(int(lengths.max()))).clamp(max=time - 1).to(device)
        stretches = log_probs[torch.tensor([s.row for s in segments], device=device)[:, None], index]
        labels = torch.tensor([label for s in segments for label in s.labels], device=device)
        loss = loss + F.ctc_loss(
            stretches.transpose(0, 1), labels, lengths, sizes, blank, reduction="sum", zero_infinity=True
        )
    return loss / max(1, int(sizes.sum()))


def muon_blocks(trainee: Trainee) -> dict[Tensor, list[int]]:
    """Return the matrices that Muon trains, with the rows of the projections fused in each."""
    blocks: dict[Tensor, list[int]] = {}
    for module in [trainee.model.encoder, trainee.model.adapter, *trainee.model.decoder.layers]:
        for name, parameter in module.named_parameters():
            if parameter.ndim == 2 and "delay_scale" not in name:
                blocks[parameter] = [parameter.shape[0]]
    for layers in (trainee.model.encoder.layers, trainee.model.decoder.layers):
        for layer in layers:
            attention = layer.attention
            keys = attention.num_kv_heads * attention.head_dim
            blocks[attention.qkv.weight] = [attention.num_heads * attention.head_dim, keys, keys]
            blocks[layer.ffn.gate_up.weight] = [layer.ffn.gate_up.weight.shape[0] // 2] * 2
    return blocks
