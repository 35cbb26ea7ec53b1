"""What a protocol says for one cell, flat: one field, one value, one provenance."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from rd3.base.spec import Spec, parse
from rd3.training.losses import REGRESSIONS
from rd3.training.recipe import Recipe

NORMALISATIONS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "cifar10": ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    "cifar10-dc": ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)),  # the mean of per-image deviations
    "cifar100": ((0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761)),
    "tiny-imagenet": ((0.4802, 0.4481, 0.3975), (0.2302, 0.2265, 0.2262)),
}
IMAGENET_MEAN, IMAGENET_STD = NORMALISATIONS["imagenet"]

PEEKED = "chosen on the test split"  # stands in every flag that says so

# The fields of the first locked protocols. Every later field is a switch whose default is what was done before it
# existed: it enters a protocol's hash only where a protocol sets it to something else. So a default below that line
# must never change.
FIRST_FIELDS = frozenset({
    "labels", "teacher", "epochs", "batch_size", "drop_last", "optimiser", "lr", "momentum", "betas", "eps",
    "weight_decay", "wd_exclude_1d", "schedule", "zeta", "augment", "mix", "loss", "temperature", "kl_t2", "gamma",
    "ema", "normalisation", "validation_resize", "checkpoints",
})  # fmt: skip


class Settings(Spec):
    """Everything that turns (synthetic, student, seed) into an accuracy.

    Attributes:
        labels: `hard` (the images' own), `static` (one soft label an image: the synthetic's own, or one pass of the
            teacher over the un-augmented image), or `online` (a teacher labels every augmented batch).
        teacher: the architecture that the protocol's labels come from, or several, a pool; another one is flagged.
            None asks for none.
        normalisation: the student's: the `target`'s own, or that of a named data set; the teacher has its own.
        validation_resize: side that test images are resized to before a centre crop; None leaves them as they are.
        checkpoints: how many evenly spaced epochs the test curve shows; the last epoch's accuracy is the result.

        milestones, decay, warmup_epochs, warmup_start, schedule_end: of the schedule.
        micro_batch: what BatchNorm sees: a batch is split into parts of this size and gradients are accumulated.
        accumulation: `mean` weighs every image of the batch alike; `nominal` divides the sum of the parts' losses by
            the number of parts of batch_size, for a batch that is shorter too.
        repeat_last: the last step of an epoch takes the batch before it once more; with label_epochs, a stored epoch's
            last batch is never used: wherever it is drawn, the batch before it in the store is taken.
        mix_labels: hard and static labels of mixed images: weighed by the `area` left of the image, by the λ that was
            `drawn`, or not mixed (`none`).
        static_mix: whether static labels are mixed as `probabilities` or as `logits`.
        gt_label: the hard label of the gamma term: the image's `own`, or `mixed` as mix_labels says.
        label_smoothing: of hard labels.
        hard_phase: from which to which fraction of the epochs hard labels replace soft ones, or None.

        teacher_combine: `mean` of logits, or `norm-mean`: every teacher's logit matrix is first rescaled to the mean
            of their Frobenius norms.
        teacher_weights: weights of the pool's logits in place of equal ones.
        teacher_bn: `eval`, or `train`: BatchNorm of the teacher uses the statistics of what it labels.
        teacher_bn_sub_batch: with `train`, teachers label parts of this size; None is the whole batch.
        teacher_normalisation: the teacher's `own`, or the `student`'s in its place.
        teacher_autocast: precision of the teacher's forward pass.
        label_input: whether the teacher labels the `mixed` images, or those before mixing (`original`).
        label_precision: what logits are rounded to, as a label store does.
        label_epochs: how many epochs' worth of label batches there are; None makes new ones in every epoch.
        label_draw: with label_epochs: each step draws a stored batch with `replacement`, or the stored ones are
            `shuffled` and used up before any comes again.

        double_bn_update: an extra forward pass without gradient before each step.
        ema_buffers: whether the averaged network is tested with its own `averaged` BatchNorm statistics or the
            `online` network's.
        jpeg_quality: the images to train on go through JPEG of this quality first.
        zca: train and test images are whitened by ZCA with this epsilon, fitted on the real training split, in place
            of being normalised. Only where no teacher labels online.
        zca_kind: `kornia`, MTT's, or `frepo`, FRePo's, whose epsilon is relative; see `rd3.data.whitening`.
        lr_search: rates of which the best on a split held out from the real training data is taken; the same for
            synthetic and random images. None takes `lr`.
        lr_search_for: `both`, or, for comparison only, `random`: a set whose method learned a rate is trained with that
            alone; sets without one, and random images, are searched for.
        selection: `held-out`, or `test-peek`: rates and epochs are chosen on the test split, for comparison only.
        report: `last` epoch's accuracy, or, for comparison only, the `best` on the test split, or `best-last20`, the
            best in the last fifth of the epochs.
        report_every, report_phase: with `best` and `best-last20`, epochs i with i mod every = phase, and the last,
            are looked at.
    """

    labels: Literal["hard", "static", "online"]
    teacher: str | tuple[str, ...] | None = None
    epochs: int = Field(gt=0)
    batch_size: int = Field(gt=0)
    drop_last: bool = False
    optimiser: Literal["sgd", "adam", "adamw"]
    lr: float = Field(default=1e-3, gt=0)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = Field(default=1e-8, gt=0)
    weight_decay: float = Field(default=0.0, ge=0)
    wd_exclude_1d: bool = True
    schedule: str = "cosine"
    zeta: float = Field(default=1.0, ge=1)
    augment: tuple[dict[str, Any], ...] = ()
    mix: dict[str, Any] | None = None
    loss: Literal["ce", "soft-ce", "kl", "mse-gt", "mse-centred"]
    temperature: float = Field(default=1.0, gt=0)
    kl_t2: bool = False
    gamma: float = Field(default=0.0, ge=0)
    ema: float | None = Field(default=None, gt=0, lt=1)
    normalisation: Literal["target", "imagenet", "cifar10", "cifar10-dc", "cifar100", "tiny-imagenet"]
    validation_resize: int | None = Field(default=None, gt=0)
    checkpoints: int = Field(default=10, gt=0)
    # -- later fields; see FIRST_FIELDS
    milestones: tuple[int | float, ...] = ()
    decay: float = Field(default=0.1, gt=0)
    warmup_epochs: int = Field(default=0, ge=0)
    warmup_start: float = Field(default=0.01, ge=0, le=1)
    schedule_end: float = Field(default=0.0, ge=0, le=1)
    micro_batch: int | None = Field(default=None, gt=0)
    accumulation: Literal["mean", "nominal"] = "mean"
    repeat_last: bool = False
    mix_labels: Literal["area", "drawn", "none"] = "area"
    static_mix: Literal["probabilities", "logits"] = "probabilities"
    gt_label: Literal["own", "mixed"] = "own"
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    hard_phase: tuple[float, float] | None = None
    teacher_combine: Literal["mean", "norm-mean"] = "mean"
    teacher_weights: tuple[float, ...] | None = None
    teacher_bn: Literal["eval", "train"] = "eval"
    teacher_bn_sub_batch: int | None = Field(default=None, gt=1)
    teacher_normalisation: Literal["own", "student"] = "own"
    teacher_autocast: Literal["float16", "bfloat16"] | None = None
    label_input: Literal["mixed", "original"] = "mixed"
    label_precision: Literal["float32", "float16"] = "float32"
    label_epochs: float | None = Field(default=None, gt=0)
    label_draw: Literal["replacement", "shuffled"] = "replacement"
    double_bn_update: bool = False
    ema_buffers: Literal["averaged", "online"] = "averaged"
    jpeg_quality: int | None = Field(default=None, ge=1, le=100)
    zca: float | None = Field(default=None, gt=0)
    zca_kind: Literal["kornia", "frepo"] = "kornia"
    lr_search: tuple[float, ...] | None = Field(default=None, min_length=1)
    lr_search_for: Literal["both", "random"] = "both"
    selection: Literal["held-out", "test-peek"] = "held-out"
    report: Literal["last", "best", "best-last20"] = "last"
    report_every: int = Field(default=10, gt=0)
    report_phase: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        if self.hard_phase is not None and not 0 <= self.hard_phase[0] < self.hard_phase[1] <= 1:
            raise ValueError(f"hard_phase = {self.hard_phase}: allowed is 0 <= first < last <= 1")
        if self.micro_batch is not None and self.micro_batch > self.batch_size:
            raise ValueError(f"micro_batch = {self.micro_batch}: is larger than batch_size = {self.batch_size}")
        if self.zca is not None and self.labels == "online":
            raise ValueError("zca: online labels need images that a teacher can read; take hard or static labels")
        if self.lr_search is not None and min(self.lr_search) <= 0:
            raise ValueError(f"lr_search = {list(self.lr_search)}: rates are above 0")
        if self.label_epochs is not None and self.labels != "online":
            raise ValueError(f"label_epochs = {self.label_epochs}: only online labels come in batches to be kept")
        if self.loss == "mse-centred" and self.labels != "static":
            raise ValueError(f"labels = {self.labels}: loss mse-centred takes static labels")
        if self.labels == "static" and self.loss in REGRESSIONS and self.mix and self._mixes_probabilities:
            raise ValueError(
                f"static_mix = probabilities: {self.loss} compares numbers; allowed is logits, or mix_labels none"
            )
        return self

    def hashed(self) -> dict[str, Any]:
        """As plain JSON values, without the later switches that are off: as if those did not exist."""
        fields = type(self).model_fields
        unused = {name for name in fields.keys() - FIRST_FIELDS if getattr(self, name) == fields[name].default}
        return {name: value for name, value in self.as_json().items() if name not in unused}

    @property
    def _mixes_probabilities(self) -> bool:
        return self.static_mix == "probabilities" and self.mix_labels != "none"

    @property
    def soft(self) -> bool:
        """Whether the student learns from soft labels."""
        return self.labels != "hard"

    @property
    def peeks(self) -> bool:
        """Whether anything is chosen on the test split."""
        return self.report != "last" or self.selection == "test-peek"

    @property
    def pool(self) -> tuple[str, ...]:
        """The architectures that the protocol's labels come from; empty where it asks for none."""
        return () if self.teacher is None else (self.teacher,) if isinstance(self.teacher, str) else self.teacher

    def recipe(self, where: str = "protocol") -> Recipe:
        """The same as the training loop takes it.

        Args:
            where: what the values come from, for the message.

        Raises:
            UserError: an operation of `augment` or `mix` is not known, or its parameters are wrong.
        """
        optimiser = {
            "kind": self.optimiser,
            "lr": self.lr,
            "momentum": self.momentum,
            "betas": self.betas,
            "eps": self.eps,
            "weight_decay": self.weight_decay,
            "wd_exclude_1d": self.wd_exclude_1d,
        }
        schedule = {
            "kind": self.schedule,
            "zeta": self.zeta,
            "warmup_epochs": self.warmup_epochs,
            "warmup_start": self.warmup_start,
            "milestones": self.milestones,
            "decay": self.decay,
            "end": self.schedule_end,
        }
        loss = {
            "kind": self.loss,
            "temperature": self.temperature,
            "t2": self.kl_t2,
            "gamma": self.gamma,
            "gt_label": self.gt_label,
            "label_smoothing": self.label_smoothing,
        }
        same = {name: getattr(self, name) for name in Recipe.model_fields if name in Settings.model_fields}
        values = {**same, "optimiser": optimiser, "schedule": schedule, "loss": loss}
        return parse(Recipe, values, where=where)

    def reported_epochs(self) -> set[int]:
        """Indices of the epochs whose accuracy enters the test curve; the last is always among them."""
        count = min(self.checkpoints, self.epochs)
        return {round((k + 1) * self.epochs / count) - 1 for k in range(count)}

    def looked_at_epochs(self) -> set[int]:
        """Indices of the epochs that the result is the best of: under `report: last` the last alone."""
        epochs = {self.epochs - 1}
        if self.report != "last":
            every = {epoch for epoch in range(self.epochs) if epoch % self.report_every == self.report_phase}
            epochs |= {epoch for epoch in every if self.report == "best" or 5 * epoch > 4 * self.epochs}
        return epochs
