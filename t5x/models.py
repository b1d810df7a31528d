"""Door: T5X's `t5x.models`, for gin files and for third parties that subclass models. Rooms: t5x/model/."""

from t5x.metrics import MetricsMap as MetricsMap
from t5x.model.encoder_decoder import DecoderParams as DecoderParams
from t5x.model.encoder_decoder import EncoderDecoderModel as EncoderDecoderModel
from t5x.model.encoder_decoder import get_input_vocabulary as get_input_vocabulary
from t5x.model.encoder_decoder import get_output_vocabulary as get_output_vocabulary
from t5x.model.interface import BaseModel as BaseModel
from t5x.model.interface import DecodeFnCallable as DecodeFnCallable
from t5x.model.interface import PyTree as PyTree

__all__ = [
    "BaseModel",
    "DecodeFnCallable",
    "DecoderParams",
    "EncoderDecoderModel",
    "MetricsMap",
    "PyTree",
    "get_input_vocabulary",
    "get_output_vocabulary",
]
