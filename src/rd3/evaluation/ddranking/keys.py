"""The keys of DD-Ranking's flat configuration files, with the defaults that its documentation gives."""

from __future__ import annotations

from typing import Any, Final, Literal, get_args

from pydantic import Field, field_validator

from rd3.base.spec import Spec

ScoreKind = Literal["hard", "soft", "ars"]
Version = Literal["0.1.4", "0.2.0"]
VERSIONS: Final = get_args(Version)

NULL_IS_A_VALUE = frozenset({"data_aug_func", "custom_train_trans", "custom_val_trans"})

# keys that decide nothing here, and why
RUN_TIME: Final = {
    "real_data_path": "named data sets are read from $RD3_DATA, others are given as folder:PATH or npz:PATH",
    "random_data_path": "random images are drawn in memory, from the seed",
    "random_data_format": "random images are exact tensors of the training split, and go where the synthetic ones go",
    "num_workers": "images stay in memory on the device",
    "device": "--device says it",
    "dist": "one run is one process on one device",
    "save_path": "every run leaves a record in the store; --json writes the scores",
}


class Transform(Spec):
    """One of torchvision's transforms by its class name."""

    name: str
    args: dict[str, Any] = Field(default_factory=dict)

    @field_validator("args", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        return {} if value is None or value == [] else value


class DDRankingConfig(Spec):
    """A file as it is read; an absent key has the default of the package's documentation.

    `data_aug_func`, `custom_train_trans` and `custom_val_trans` may be null; any other null is as if the key was
    absent. The kind of score is that of the evaluator the file is written for.
    """

    dataset: str = "CIFAR10"
    real_data_path: str | None = None
    ipc: int = Field(default=10, gt=0)
    im_size: tuple[int, int] = (32, 32)
    model_name: str = "ConvNet-3"
    use_torchvision: bool = False
    stu_use_torchvision: bool = False
    tea_use_torchvision: bool = False
    teacher_dir: str = "./teacher_models"
    teacher_model_names: tuple[str, ...] = ()
    data_aug_func: Literal["dsa", "mixup", "cutmix", "zca"] | None = "cutmix"
    aug_params: dict[str, Any] = Field(default_factory=dict)
    use_aug_for_hard: bool = False
    use_zca: bool = False
    custom_train_trans: tuple[Transform, ...] | None = None
    custom_val_trans: tuple[Transform, ...] | None = None
    label_type: Literal["hard", "soft"] = "soft"
    soft_label_mode: Literal["S", "M"] = "S"
    soft_label_criterion: Literal["kl", "sce", "mse_gt"] = "kl"
    loss_fn_kwargs: dict[str, Any] = Field(default_factory=dict)
    optimizer: Literal["sgd", "adam", "adamw"] = "sgd"
    momentum: float | tuple[float, float] = 0.9
    weight_decay: float = Field(default=5e-4, ge=0)
    lr_scheduler: Literal["step", "cosine", "cosineannealing", "lambda_cos", "lambda_step"] = "step"
    step_size: int | None = Field(default=None, gt=0)
    num_epochs: int = Field(default=300, gt=0)
    num_eval: int = Field(default=5, gt=0)
    syn_batch_size: int = Field(default=256, gt=0)
    real_batch_size: int = Field(default=256, gt=0)
    batch_size: int = Field(default=256, gt=0)
    eval_full_data: bool = False
    random_data_format: str | None = None
    random_data_path: str | None = None
    default_lr: float | None = None
    num_workers: int | None = None
    device: str | None = None
    dist: bool | None = None
    save_path: str | None = None

    @field_validator("teacher_model_names", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @property
    def given(self) -> frozenset[str]:
        """The keys that the file has."""
        return frozenset(self.model_fields_set)

    @property
    def kind(self) -> ScoreKind:
        """`ars` with a label type or one batch size for all, else `soft` with a mode of soft labels, else `hard`."""
        if self.given & {"label_type", "batch_size"}:
            return "ars"
        return "soft" if "soft_label_mode" in self.given else "hard"

    @property
    def labels(self) -> Literal["hard", "static", "online"]:
        """Mode S has one label an image, mode M asks the teachers about every augmented batch."""
        if self.kind == "hard" or (self.kind == "ars" and self.label_type == "hard"):
            return "hard"
        return "online" if self.soft_label_mode == "M" else "static"

    @property
    def soft(self) -> bool:
        return self.labels != "hard"

    @property
    def train_batch(self) -> int:
        return self.batch_size if self.kind == "ars" else self.syn_batch_size
