"""Door: T5X's `t5x.models`, for gin files and for third parties that subclass models. Rooms: t5x/model/."""

from t5x.metrics import MetricsMap as MetricsMap
from t5x.model.decoder_only import DecoderOnlyModel as DecoderOnlyModel
from t5x.model.decoder_only import remove_prefix as remove_prefix
from t5x.model.encoder_decoder import DecoderParams as DecoderParams
from t5x.model.encoder_decoder import EncoderDecoderModel as EncoderDecoderModel
from t5x.model.interface import BaseModel as BaseModel
from t5x.model.interface import BaseTransformerModel as BaseTransformerModel
from t5x.model.interface import DecodeFnCallable as DecodeFnCallable
from t5x.model.interface import PyTree as PyTree
from t5x.model.interface import get_input_vocabulary as get_input_vocabulary
from t5x.model.interface import get_output_vocabulary as get_output_vocabulary

__all__ = [
    "BaseModel",
    "BaseTransformerModel",
    "DecodeFnCallable",
    "DecoderOnlyModel",
    "DecoderParams",
    "EncoderDecoderModel",
    "MetricsMap",
    "PyTree",
    "get_input_vocabulary",
    "get_output_vocabulary",
    "remove_prefix",
]
