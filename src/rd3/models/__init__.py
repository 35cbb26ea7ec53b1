"""Students and teachers by name."""

from rd3.models.create import create_model, list_models
from rd3.models.features import count_parameters, embed, feature_extractor, flops_per_image

__all__ = ["count_parameters", "create_model", "embed", "feature_extractor", "flops_per_image", "list_models"]
