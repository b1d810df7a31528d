"""Door: T5X's `t5x.decoding`, for gin files and prompt-tuning. Rooms: t5x/decode/."""

from t5x.decode.beam_search import beam_search as beam_search
from t5x.decode.beam_search import brevity_penalty as brevity_penalty
from t5x.decode.sampling import MIN_TEMPERATURE as MIN_TEMPERATURE
from t5x.decode.sampling import temperature_sample as temperature_sample
from t5x.decode.state import NEG_INF as NEG_INF
from t5x.decode.state import DecodingState as DecodingState
from t5x.decode.state import cache_gather_beams as cache_gather_beams
from t5x.decode.state import flat_batch_beam_expand as flat_batch_beam_expand
from t5x.decode.state import flatten_beam_dim as flatten_beam_dim
from t5x.decode.state import gather_beams as gather_beams
from t5x.decode.state import unflatten_beam_dim as unflatten_beam_dim

__all__ = [
    "MIN_TEMPERATURE",
    "NEG_INF",
    "DecodingState",
    "beam_search",
    "brevity_penalty",
    "cache_gather_beams",
    "flat_batch_beam_expand",
    "flatten_beam_dim",
    "gather_beams",
    "temperature_sample",
    "unflatten_beam_dim",
]
