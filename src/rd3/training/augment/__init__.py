"""Batched augmentations with one draw per sample; one file per operation."""
