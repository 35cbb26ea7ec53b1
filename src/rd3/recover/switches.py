"""The switches of the recover engine: every method of the decoupled family is a row of them.

Names follow the papers where these have one (`r_bn`, `ema`); `rd3.recover.build` says what each stands for.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from rd3.base.spec import Spec
from rd3.recover.committee import PairRule
from rd3.recover.finish import SavedAs
from rd3.recover.match import FirstAverage
from rd3.recover.perturb import PerturbReset
from rd3.recover.pixels import Quantise
from rd3.recover.precision import Precision, needs_scaling

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(gt=0, le=1)]
Probability = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=0)]
Size = Annotated[int, Field(ge=1)]

InitName = Literal["noise", "real", "medium", "rded", "rded-medium"]
BatchingName = Literal["opc", "cm", "1c"]
CropName = Literal["none", "rrc", "cda", "pad"]
CombineName = Literal["single", "round-robin", "pair", "slot"]
MatchName = Literal["bn", "bn_class", "bn_mix"]

LATER = frozenset({"perturb_reset", "flatness", "flatness_decay", "flatness_temperature", "precision"})
"""Switches that came after sets of every method had been made; their defaults never change."""


class Switches(Spec):
    """All switches, with the values of SRe2L on ImageNet.

    Attributes:
        iterations: Adam steps, betas (.5, .9), cosine to 0; `lr` is the base rate, in normalised pixels.
        init: `noise` N(0, 1), `real` random images, `medium` real images around the median of the true class's
            probability, `rded` mosaics of the easiest crops, `rded-medium` of those around the median.
        batching: `opc` one image a class, `cm` class-major, `1c` one class; `batch_size` is at most.
        crop: `none`, `rrc` of area U(crop_scale, 1), `cda` with the smallest area falling from 1 to crop_scale until
            the fraction `crop_milestone` of the iterations, or `pad` by `padding` pixels and cut.
        crop_draw: one view for the whole batch, as in the reference code, or one for each sample.
        flip: mirror at random; never done on targets where that changes the class.
        roll: largest cyclic shift in pixels, 0..roll, or −roll..roll if `roll_symmetric`.
        param: the pixels, or one perturbation `shared` by all images of a batch, which stay as they are.
        combine: of the teachers the first (`single`), one an iteration in turn (`round-robin`), two for each slot with
            weights (`pair`), or one for each (`slot`, in `infer` alone).
        pair_rule: `best` the published pair or the two of the highest priors, `cycle` through all pairs by slot, or a
            `random` one a slot.
        priors: accuracy of every teacher in points; empty for the published ones, equal where there are none. Weights
            are softmax(priors / prior_temperature).
        perturb_steps: K steps up the teacher's loss on the start, over `perturb_radius` in all; 0 for none.
        perturb_reset: the teacher starts anew for every chunk of classes that are optimised together (`chunk`), or for
            every slot and climbs on from chunk to chunk (`slot`), as DWA's released code does on ImageNet.
        r_ce: coefficient of the cross-entropy.
        r_bn: coefficient of the statistics; `k0` weighs the first layer, `var_w` the variances.
        match: BatchNorm statistics of all classes together (`bn`), of each class (`bn_class`), or half and half
            (`bn_mix`).
        conv: also match channel statistics of what enters convolutions; `tile` > 0 those of its tiles of that side.
        ema: momentum of a running average of the measured statistics, 0 for none; `ema_first` is what it starts from.
        drop: probability that a convolution's statistics are left out of an iteration.
        r_embedding: coefficient of the distance to Wasserstein barycentres of real embeddings.
        densify: coefficient of the term that keeps images of a class apart.
        flatness: coefficient of the divergence from what the teacher says of a running average of the images, of
            decay `flatness_decay`, both at `flatness_temperature`.
        stage_sizes: side in every stage, all of equal length; empty for one stage at the target's.
        residual: share of the images when they enter a stage; the rest is the start.
        round_iterations: images join in rounds of this length, 0 for all at once.
        precision: of the teachers' layers; losses, statistics and pixels are always float32. `fp16` needs a GPU.
        quantise: to 8 bits, by rounding or by flooring; `save` is what happens to the pixels in a file.
    """

    iterations: Count = 4000
    lr: Positive = 0.25
    init: InitName = "noise"
    batching: BatchingName = "opc"
    batch_size: Size = 100
    crop: CropName = "rrc"
    crop_scale: Fraction = 0.08
    crop_milestone: Fraction = 1.0
    padding: Count = 4
    crop_draw: Literal["batch", "sample"] = "batch"
    flip: bool = True
    roll: Count = 32
    roll_symmetric: bool = False
    param: Literal["pixels", "shared"] = "pixels"
    combine: CombineName = "single"
    pair_rule: PairRule = "random"
    priors: tuple[float, ...] = ()
    prior_temperature: Positive = 5.0
    perturb_steps: Count = 0
    perturb_radius: NotNegative = 0.015
    perturb_reset: PerturbReset = "chunk"
    r_ce: NotNegative = 1.0
    r_bn: NotNegative = 0.01
    match: MatchName = "bn"
    k0: NotNegative = 10.0
    var_w: NotNegative = 1.0
    conv: bool = False
    tile: Count = 0
    ema: Probability = 0.0
    ema_first: FirstAverage = "first"
    drop: Probability = 0.0
    r_embedding: NotNegative = 0.0
    densify: NotNegative = 0.0
    flatness: NotNegative = 0.0
    flatness_decay: Probability = 0.99
    flatness_temperature: Positive = 4.0
    stage_sizes: tuple[Size, ...] = ()
    residual: Fraction = 1.0
    round_iterations: Count = 0
    precision: Precision = "float32"
    quantise: Quantise = "round"
    save: SavedAs = "png"

    @property
    def repeats(self) -> bool:
        """Whether a teacher's loss is the same function of the view in every iteration, with gradients as they are."""
        return not (self.ema or self.drop or self.flatness or self.round_iterations or needs_scaling(self.precision))
