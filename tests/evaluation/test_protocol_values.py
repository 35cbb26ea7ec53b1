"""Every shipped protocol against its published numbers, typed here a second time from the papers and released code.

A row is a cell and what holds there, in the words of `described`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from rd3.data.facts import TargetFacts
from rd3.evaluation.files import list_protocols, load_protocol
from rd3.evaluation.settings import Settings

TARGETS = {
    "c10": TargetFacts("cifar10", 32, 3, 10, True),
    "c100": TargetFacts("cifar100", 32, 3, 100, True),
    "ti": TargetFacts("tiny-imagenet", 64, 3, 200, True),
    "in": TargetFacts("imagenet-1k", 224, 3, 1000, True),
    "in100": TargetFacts("folder:imagenet-100", 224, 3, 100, True),
    "nette": TargetFacts("imagenette", 224, 3, 10, True),
    "woof": TargetFacts("imagewoof", 224, 3, 10, True),
}
STUDENTS = {
    "r18": "resnet18",
    "r50": "tv:resnet50",
    "r101": "resnet101",
    "mbv2": "tv:mobilenet_v2",
    "eff": "tv:efficientnet_b0",
    "vit": "tv:vit_b_16",
    "swin": "tv:swin_t",
    "conv3": "convnet3",
}

# id, target, IPC, student | epochs batch (micro-batch) | optimiser, lr, decay | schedule | loss | mix | augmentation
# | labels and teachers | statistics and resize
RECIPES = """
rd3 c10 10 r18     | 400 50 | adamw .001 .01 skip | cosine 1 | kl 20 | cutmix 1 | rrc1 flip | online 1 | imagenet
rd3 ti 10 r50      | 400 50 | adamw .001 .01 skip | cosine 2 | kl 20 | cutmix 1 | rrc1 flip | online 1 | imagenet 72
rd3 in 50 vit      | 400 50 | adamw .001 .01 skip | cosine 2 | kl 20 | cutmix 1 | shuffle2 rrc.5 flip | online 1 | imagenet 256
rd3-demo c10 1 r18 | 60 50  | adamw .001 .01 skip | cosine 1 | kl 20 | cutmix 1 | rrc1 flip | online 1 | imagenet
rd3-zeta-resnet c10 10 r50 | 400 50 | adamw .001 .01 skip | cosine 1 | kl 20 | cutmix 1 | rrc1 flip | online 1 | imagenet
rd3-zeta-resnet c10 10 vit | 400 50 | adamw .001 .01 skip | cosine 2 | kl 20 | cutmix 1 | rrc1 flip | online 1 | imagenet
rd3-mse-gt in 10 r18 | 400 50 | adamw .001 .01 skip | cosine 1 | mse-gt .025 | cutmix 1 | shuffle2 rrc.5 flip | online 1 | imagenet 256
rd3-joint c100 10 r18 | 400 50 | adamw .001 .01 skip | cosine 1 | soft-ce 20 +1 | cutmix 1 | rrc1 flip | online 1 | imagenet
rd3-hybrid c100 10 r18 | 400 50 | adamw .001 .01 skip | cosine 1 | kl 20 | cutmix 1 | rrc1 flip | online 4 | imagenet
rd3-student-lr c10 10 r18 | 400 50 | adamw .001 .01 skip | cosine 1 | kl 20 | cutmix 1 | rrc1 flip | online 1 | imagenet
rd3-student-lr c10 10 mbv2 | 400 50 | adamw .0025 .01 skip | cosine 2 | kl 20 | cutmix 1 | rrc1 flip | online 1 | imagenet
rd3-student-lr c10 10 eff | 400 50 | adamw .002 .01 skip | cosine 2 | kl 20 | cutmix 1 | rrc1 flip | online 1 | imagenet
rd3-student-lr c10 10 swin | 400 50 | adamw .0001 .01 skip | cosine 2 | kl 20 | cutmix 1 | rrc1 flip | online 1 | imagenet
rd3-student-lr in 10 vit | 400 50 | adamw .0001 .01 skip | cosine 2 | kl 20 | cutmix 1 | shuffle2 rrc.5 flip | online 1 | imagenet 256

sre2l c100 10 r18  | 400 128 | adamw .001 .01 all | cosine 1 | kl 30 | mixup .8 | pad4 flip | online 1 | cifar10-dc
sre2l c10 50 r18   | 400 128 | adamw .001 .01 all | cosine 1 | kl 30 | mixup .8 | pad4 flip | online 1 | cifar10-dc
sre2l ti 50 r18    | 100 256 | sgd .2 .9 .0001 all | cosine 1 warm5 | kl 20 t2 | - | rrc.08 flip | online 1 | tiny-imagenet
sre2l in 10 r18    | 300 1024 (512) | adamw .001 .01 skip | cosine 1 | kl 20 | cutmix 1 | rrc.08 flip | online 1 fp16 | imagenet 256
cda ti 50 r18      | 100 256 | sgd .2 .9 .0001 all | cosine 1 warm5 | kl 20 t2 | - | rrc.08 flip | online 1 | tiny-imagenet
cda in 10 r18      | 300 128 | adamw .001 .01 skip | cosine 1 | kl 20 | cutmix 1 | rrc.08 flip | online 1 fp16 | imagenet 256
d4m in 10 r18      | 300 1024 (512) | adamw .001 .01 skip | cosine 1 | kl 20 | cutmix 1 | rrc.08 flip | online 1 fp16 | imagenet 256
scdd c100 10 r18   | 200 64 | adamw .001 .01 all | cosine 3 | kl 30 | mixup .8 | pad4 flip | online 1 | cifar100
scdd ti 10 r18     | 500 64 | sgd .2 .9 .0001 all | cosine 1 warm5 | kl 20 t2 | - | rrc.08 flip | online 1 | tiny-imagenet
scdd in 10 r18     | 300 64 | adamw .001 .01 skip | cosine 1 | kl 20 | cutmix 1 | rrc.08 flip | online 1 | imagenet 256
g-vbsm c10 10 r18  | 1000 100 | adamw .001 0 skip | cosine 1 | mse-gt .15 | cutmix 1 | rrc.08 flip | online 5 fp16 | cifar10
g-vbsm c10 10 conv3 | 1000 64 | sgd .1 .9 .0005 skip | cosine 1 | mse-gt .15 | cutmix 1 | rrc.08 flip | online 5 fp16 | cifar10
g-vbsm c100 10 r18 | 1000 64 | sgd .1 .9 .0005 skip | cosine 1 | mse-gt .15 | cutmix 1 | rrc.08 flip | online 5 fp16 | cifar100
g-vbsm ti 50 r18   | 100 100 (50) | sgd .1 .9 .0005 skip | cosine 1 | mse-gt .1 | cutmix 1 | rrc.08 flip | online 5 fp16 | imagenet
g-vbsm in 10 r18   | 300 1024 (512) | adamw .001 .01 skip | cosine 1 | mse-gt .1 | cutmix 1 | rrc.08 flip | online 4 norm fp16 | imagenet 256
g-vbsm in 10 r50   | 300 1024 (128) | adamw .001 .01 skip | cosine 1 | mse-gt .1 | cutmix 1 | rrc.08 flip | online 4 norm fp16 | imagenet 256
dwa c10 10 r18     | 400 128 | adamw .001 .01 all | cosine 1 | kl 30 | mixup .8 | pad4 flip | online 1 | cifar10-dc
dwa c100 10 r18    | 400 128 | adamw .001 .01 all | cosine 1 | kl 30 | mixup .8 | pad4 flip | online 1 | cifar100
dwa ti 50 r18      | 200 64 | sgd .2 .9 .0001 all | cosine 1 warm5 | kl 20 t2 | cutmix 1 roll | rrc.08 flip | online 1 | tiny-imagenet
dwa in 10 r18      | 300 128 | adamw .001 .01 skip | cosine 1 | kl 20 | cutmix 1 | rrc.08 flip | online 1 | imagenet 256
rded c10 1 r18     | 300 10 | adamw .001 .01 skip | cosine 2 | kl 20 | cutmix 1 | rrc1 flip | online 1 | target
rded c100 50 r18   | 300 200 | adamw .001 .01 skip | cosine 2 | kl 20 | cutmix 1 | rrc1 flip | online 1 | target
rded c100 10 conv3 | 300 25 | adamw .002 .01 skip | cosine 2 | kl 20 | cutmix 1 | rrc1 flip | online 1 | target
rded ti 10 r18     | 300 100 | adamw .001 .01 skip | cosine 2 | kl 20 | cutmix 1 | rrc1 flip | online 1 | target
rded nette 10 r18  | 300 50 | adamw .001 .01 skip | cosine 2 | kl 20 | cutmix 1 | shuffle2 rrc.5 flip | online 1 | imagenet 256
rded in 10 r18     | 300 100 | adamw .001 .01 skip | cosine 2 | kl 20 | cutmix 1 | shuffle2 rrc.5 flip | online 1 | imagenet 256
rded in 1 mbv2     | 300 20 | adamw .0025 .01 skip | cosine 2 | kl 20 | cutmix 1 | shuffle2 rrc.5 flip | online 1 | imagenet 256
rded in 50 vit     | 300 200 | adamw .0001 .01 skip | cosine 2 | kl 20 | cutmix 1 | shuffle2 rrc.5 flip | online 1 | imagenet 256
delt c10 10 r18    | 300 50 | adamw .001 .01 skip | cosine 2 | kl 20 | cutmix 1 | timm-ra6 rrc.25 flip | online 1 | target
delt in 10 r18     | 300 100 | adamw .001 .01 skip | cosine 2 | kl 20 | cutmix 1 | timm-ra6 rrc.25 flip | online 1 | imagenet 256
delt in 20 r18     | 300 100 | adamw .001 .01 skip | cosine 2 | kl 20 | cutmix 1 | timm-ra6 rrc.25 flip | online 1 | imagenet 256
delt in 50 r101    | 300 100 | adamw .001 .01 skip | cosine 2 | kl 20 | cutmix 1 | timm-ra6 rrc.25 flip | online 1 | imagenet 256
delt in100 30 r18  | 300 200 | adamw .001 .01 skip | cosine 2 | kl 20 | cutmix 1 | timm-ra6 rrc.25 flip | online 1 | imagenet 256
delt ti 1 eff      | 300 100 | adamw .002 .01 skip | cosine 2 | kl 20 | cutmix 1 | timm-ra6 rrc.25 flip | online 1 | target
edc c10 1 r18      | 1000 25 | adamw .001 .01 skip | multistep .5 800,900,950 | mse-gt .025 | cutmix 1 | ra9 rrc.08 flip | online 8 | cifar10 ema.99
edc c100 10 r18    | 1000 50 | adamw .001 .01 skip | cosine 2 | mse-gt .025 | cutmix 1 | ra9 rrc.5 flip | online 8 | cifar100 ema.99
edc ti 1 r18       | 1000 100 | adamw .001 .01 skip | cosine 2 | mse-gt .025 | cutmix 1 | ra9 rrc.5 flip | online 5 | imagenet ema.99
edc ti 10 r18      | 300 100 | adamw .001 .01 skip | cosine 2 | mse-gt .025 | cutmix 1 | ra9 rrc.5 flip | online 5 | imagenet ema.99
edc nette 10 r18   | 1000 50 | adamw .001 .01 skip | cosine 2 | mse-gt .025 | cutmix 1 | ra9 rrc.5 flip | online 4 | imagenet 256 ema.99
edc in 10 r18      | 300 100 | adamw .001 .01 skip | cosine 2 | mse-gt .025 | cutmix 1 | shuffle2 rrc.5 flip | online 4 fp16 | imagenet 256 ema.99
edc in 10 swin     | 300 100 | adamw .0001 .01 skip | cosine 2 | mse-gt .025 | cutmix 1 | shuffle2 rrc.5 flip | online 4 fp16 | imagenet 256 ema.99
minimax woof 1 r18 | 3000 64 | sgd .01 .9 .0005 all | multistep .2 2000,2500 | ce | cutmix 1 | rrc.5 flip jitter.4 light.1 | hard | imagenet
minimax woof 10 r18 | 2000 64 | sgd .01 .9 .0005 all | multistep .2 1333,1666 | ce | cutmix 1 | rrc.5 flip jitter.4 light.1 | hard | imagenet
minimax nette 50 r18 | 1500 64 | sgd .01 .9 .0005 all | multistep .2 1000,1250 | ce | cutmix 1 | rrc.5 flip jitter.4 light.1 | hard | imagenet
minimax woof 100 r18 | 1000 64 | sgd .01 .9 .0005 all | multistep .2 666,833 | ce | cutmix 1 | rrc.5 flip jitter.4 light.1 | hard | imagenet
minimax in100 10 r18 | 1300 64 | sgd .01 .9 .0005 all | multistep .2 866,1083 | ce | cutmix 1 | rrc.5 flip jitter.4 light.1 | hard | imagenet
minimax in100 50 r18 | 1000 64 | sgd .01 .9 .0005 all | multistep .2 666,833 | ce | cutmix 1 | rrc.5 flip jitter.4 light.1 | hard | imagenet
minimax in100 100 r18 | 600 64 | sgd .01 .9 .0005 all | multistep .2 400,500 | ce | cutmix 1 | rrc.5 flip jitter.4 light.1 | hard | imagenet
minimax in 10 r18  | 300 100 | adamw .001 .01 skip | cosine 2 | kl 20 | cutmix 1 | shuffle2 rrc.5 flip | online 1 | imagenet 256
lpld ti 50 r18     | 100 64 | sgd .2 .9 .0001 skip | cosine 1 warm5 | kl 20 t2 | - | rrc.08 flip | online 1 fp16 | tiny-imagenet
lpld in 10 r18     | 300 128 | adamw .001 .01 skip | cosine 1 | kl 20 | cutmix 1 | rrc.08 flip | online 1 fp16 | imagenet 256
lpld-10x ti 50 r18 | 100 64 | sgd .2 .9 .0001 skip | cosine 1 warm5 | kl 20 t2 | - | rrc.08 flip | online 1 fp16 replacement10 | tiny-imagenet
lpld-10x in 10 r18 | 300 128 | adamw .001 .01 skip | cosine 1 | kl 20 | cutmix 1 | rrc.08 flip | online 1 fp16 replacement30 | imagenet 256
lpld-20x in 10 r18 | 300 128 | adamw .001 .01 skip | cosine 1 | kl 20 | cutmix 1 | rrc.08 flip | online 1 fp16 replacement15 | imagenet 256
lpld-30x in 10 r18 | 300 128 | adamw .001 .01 skip | cosine 1 | kl 20 | cutmix 1 | rrc.08 flip | online 1 fp16 replacement9 | imagenet 256
lpld-40x in 10 r18 | 300 128 | adamw .001 .01 skip | cosine 1 | kl 20 | cutmix 1 | rrc.08 flip | online 1 fp16 replacement7.5 | imagenet 256
wmdd nette 1 r18   | 300 100 | adamw .001 .01 skip | cosine 1 | kl 20 | cutmix 1 | rrc.08 flip | online 1 fp16 | imagenet 256
wmdd in 50 r18     | 300 100 | adamw .001 .01 skip | cosine 1 | kl 20 | cutmix 1 | rrc.08 flip | online 1 fp16 | imagenet 256
cv-dd c10 1 r18    | 300 10 (5) | adamw .001 .01 skip | cosine 1 | kl 20 | cutmix 1 | rrc.08 flip | online 5 train5 weighted fp16 | cifar10
cv-dd c10 10 r18   | 300 16 (8) | adamw .001 .01 skip | cosine 1 | kl 20 | cutmix 1 | rrc.08 flip | online 5 train8 weighted fp16 | cifar10
cv-dd c100 10 r18  | 300 16 (8) | adamw .001 .01 skip | cosine 2 | kl 20 | cutmix 1 | rrc.08 flip | online 5 train8 weighted fp16 | cifar100
cv-dd nette 10 r18 | 300 10 (5) | adamw .0005 .01 skip | cosine 1 | kl 20 | cutmix 1 | rrc.08 flip | online 5 train5 weighted fp16 | imagenet 256
cv-dd in 50 r18    | 300 16 (8) | adamw .001 .01 skip | cosine 1 | kl 20 | cutmix 1 | rrc.08 flip | online 5 train8 weighted fp16 | imagenet 256
sre2l-plus-plus in 10 r18 | 300 16 (8) | adamw .001 .01 skip | cosine 2 | kl 20 | cutmix 1 | rrc.08 flip | online 1 train8 fp16 | imagenet 256
fadrm c100 10 r18  | 1000 16 (8) | adamw .001 .01 skip | cosine 2 | kl 20 | cutmix 1 | rrc.08 flip | online 1 train8 fp16 | cifar100
fadrm ti 50 r18    | 300 16 (8) | adamw .001 .01 skip | cosine 1 | kl 20 | cutmix 1 | rrc.08 flip | online 1 fp16 | imagenet
fadrm woof 10 r18  | 300 10 (5) | adamw .0005 .01 skip | cosine 1 | kl 20 | cutmix 1 | rrc.08 flip | online 1 train5 fp16 | imagenet 256
fadrm in 10 r18    | 300 16 (8) | adamw .001 .01 skip | cosine 2 | kl 20 | cutmix 1 | rrc.08 flip | online 1 train8 fp16 | imagenet 256
fadrm-plus c100 1 r18 | 1000 16 (8) | adamw .0005 .01 skip | cosine 2 | kl 20 | cutmix 1 | rrc.08 flip | online 4 train8 fp16 | cifar100
fadrm-plus ti 1 r18 | 1000 16 (8) | adamw .001 .01 skip | cosine 2 | kl 20 | cutmix 1 | rrc.08 flip | online 3 train8 fp16 | imagenet
fadrm-plus in 10 r18 | 300 16 (8) | adamw .001 .01 skip | cosine 2 | kl 20 | cutmix 1 | rrc.08 flip | online 4 train8 fp16 | imagenet 256
hald in 10 r18     | 300 16 | adamw .001 .01 skip | cosine 2 | kl 20 hard.25-.75 smooth.8 | cutmix 1 | rrc.08 flip | online 1 train16 fp16 shuffled10 | imagenet 256
hald in 50 r18     | 300 16 | adamw .001 .01 skip | cosine 1 | kl 20 hard.25-.75 smooth.8 | cutmix 1 | rrc.08 flip | online 1 train16 fp16 shuffled2 | imagenet 256
infer-static c10 10 r18 | 400 64 | adamw .001 .01 all | cosine 1 | kl 30 | mixup .8 | pad4 flip | static 4 | cifar10-dc
infer-dynamic c100 50 r18 | 80 64 | adamw .001 .01 all | cosine 1 | kl 30 | mixup .8 | pad4 flip | online 4 | cifar100

ddr-dc c10 10 conv3   | 1000 256 | sgd search .9 .0005 all | step .1 500 | ce | - | - | hard | cifar10-dc
ddr-dc ti 10 conv3    | 1000 256 | sgd search .9 .0005 all | step .1 500 | ce | - | - | hard | imagenet
ddr-dsa c100 10 conv3 | 1000 256 | sgd search .9 .0005 all | step .1 500 | ce | - | dsa | hard | cifar10-dc
ddr-dm c10 10 conv3   | 1000 256 | sgd search .9 .0005 all | step .1 500 | ce | - | dsa | hard | cifar10-dc
ddr-mtt c10 10 conv3  | 1000 256 | sgd search .9 .0005 all | step .1 500 | ce | - | dsa | hard | cifar10-dc
ddr-datm c10 10 conv3 | 1000 256 | sgd search .9 .0005 all | step .1 500 | soft-ce 1 | - | dsa | static 1 zca.1 | cifar10-dc
ddr-frepo c100 10 conv3 | 1000 256 | sgd search .9 .0005 all | step .1 500 | ce | - | - | hard | cifar10-dc
ddr-rfad c10 10 conv3 | 1000 256 | sgd search .9 .0005 all | step .1 500 | ce | - | - | hard | cifar10-dc
ddr-sre2l c10 10 r18  | 400 256 | adamw search .01 all | cosine 2 | kl 30 | mixup .8 | pad4 flip | online 1 | cifar10-dc
ddr-sre2l ti 50 r18   | 400 1024 | adamw search .01 all | cosine 2 | kl 20 | cutmix 1 | rrc.08 flip | online 1 | imagenet
ddr-sre2l in 10 r18   | 300 1024 | adamw search .01 all | cosine 2 | kl 20 | cutmix 1 | rrc.08 flip | online 1 | imagenet 256
ddr-d4m c10 10 conv3  | 500 100 | adamw search .01 all | cosine 2 | kl 20 | cutmix 1 | rrc.08 flip | online 1 | cifar10-dc
ddr-d4m c100 1 conv3  | 500 100 | adamw search .01 all | cosine 2 | kl 30 | cutmix 1 | rrc.08 flip | online 1 | cifar10-dc
ddr-d4m ti 10 r18     | 300 1024 | adamw search .01 all | cosine 2 | kl 20 | cutmix 1 | rrc.08 flip | online 1 | imagenet 72
ddr-d4m in 10 r18     | 300 1024 | adamw search .01 all | cosine 2 | kl 20 | cutmix 1 | rrc.08 flip | online 1 | imagenet 256
ddr-dwa in 10 r18     | 300 128 | adamw search .01 all | cosine 2 | kl 20 | cutmix 1 | rrc.08 flip | online 1 | imagenet 256
ddr-g-vbsm in 10 r18  | 300 512 | adamw search .01 all | cosine 2 | kl 20 | cutmix 1 | rrc.08 flip | online 4 | imagenet 256
ddr-edc in 10 r18     | 300 100 | adamw .001 .01 all | cosine 2 | mse-gt .025 | cutmix 1 | shuffle2 rrc.5 flip | online 5 | imagenet 256
ddr-rded c10 1 conv3  | 300 10 | adamw .001 .01 all | cosine 2 | kl 20 | cutmix 1 | rrc1 flip | online 1 | imagenet
ddr-rded c100 10 conv3 | 300 50 | adamw .001 .01 all | cosine 2 | kl 20 | cutmix 1 | rrc1 flip | online 1 | imagenet
ddr-rded ti 50 conv3  | 300 200 | adamw .001 .01 all | cosine 2 | kl 20 | cutmix 1 | rrc1 flip | online 1 | imagenet 72
ddr-rded in 10 r18    | 300 100 | adamw .001 .01 all | cosine 2 | kl 20 | cutmix 1 | rrc1 flip | online 1 | imagenet 256
ddr-whole c10 10 conv3 | 200 512 | sgd .01 .9 .0005 all | step .1 100 | ce | - | - | hard | cifar10-dc
ddr-whole ti 10 conv3 | 100 512 | sgd .01 .9 .0005 all | step .1 50 | ce | - | - | hard | imagenet
ddr-whole ti 10 r18   | 100 512 | adamw .01 .01 all | cosine 2 | ce | - | - | hard | imagenet
ddr-whole in 10 r18   | 90 512 | sgd .1 .9 .0001 all | step .1 30 | ce | - | - | hard | imagenet
whole c10 10 conv3    | 200 128 | sgd .01 .9 .0005 all | cosine 1 | ce | - | pad4 flip | hard | imagenet
whole-short c10 10 conv3 | 10 128 | adamw .002 .01 all | cosine 1 | ce | - | pad4 flip | hard | imagenet
"""

# id, target, IPC, student: in what it differs there from the protocol without `-code`
QUIRKS = """
sre2l-code c100 10 r18 : teacher_bn train, accumulation nominal
sre2l-code ti 50 r18   : accumulation nominal
sre2l-code in 10 r18   : accumulation nominal, report best, report_every 10, report_phase 0
d4m-code in 10 r18     : accumulation nominal, report best, report_every 50, report_phase 0
scdd-code c100 10 r18  : teacher_bn train, report best, report_every 10, report_phase 0
scdd-code in 10 r18    : report best, report_every 10, report_phase 0
g-vbsm-code c10 10 r18 : accumulation nominal, normalisation cifar100, report best, report_every 10, report_phase 0
g-vbsm-code in 10 r18  : accumulation nominal, report best, report_every 10, report_phase 0
dwa-code c10 10 r18    : teacher_bn train, report best, report_every 10, report_phase 0
dwa-code ti 50 r18     : report best, report_every 1, report_phase 0
dwa-code in 10 r18     : report best, report_every 10, report_phase 0
rded-code c10 10 r18   : double_bn_update True, normalisation imagenet, report best-last20, report_every 10, report_phase 9
rded-code ti 10 r18    : double_bn_update True, normalisation imagenet, validation_resize 72, report best-last20, report_every 10, report_phase 9
rded-code in 10 r18    : double_bn_update True, report best-last20, report_every 10, report_phase 9
delt-code ti 10 r18    : double_bn_update True, normalisation imagenet, validation_resize 72, report best, report_every 10, report_phase 0
edc-code c10 1 r18     : batch_size 10, teacher_autocast float16, ema_buffers online, normalisation cifar100, report best-last20, report_every 10, report_phase 0
edc-code in 10 r18     : schedule linear, ema_buffers online, report best, report_every 30, report_phase 0
edc-code nette 10 r18  : schedule cos2, ema_buffers online, report best, report_every 30, report_phase 0
minimax-code woof 10 r18 : report best, report_every 20, report_phase 19
minimax-code in100 10 r18 : report best, report_every 13, report_phase 12
minimax-code in 10 r18 : double_bn_update True, report best-last20, report_every 10, report_phase 9
lpld-code in 10 r18    : report best, report_every 10, report_phase 0
lpld-10x-code in 10 r18 : repeat_last True, report best, report_every 10, report_phase 0
lpld-20x-code ti 10 r18 : repeat_last True, report best, report_every 10, report_phase 0
lpld-30x-code in 10 r18 : repeat_last True, report best, report_every 10, report_phase 0
lpld-40x-code in 10 r18 : repeat_last True, report best, report_every 10, report_phase 0
wmdd-code in 10 r18    : report best, report_every 10, report_phase 0
cv-dd-code in 10 r18   : accumulation nominal, report best, report_every 10, report_phase 0
sre2l-plus-plus-code in 10 r18 : accumulation nominal, report best, report_every 10, report_phase 0
fadrm-code ti 10 r18   : accumulation nominal, report best, report_every 10, report_phase 0
fadrm-plus-code in 10 r18 : accumulation nominal, report best, report_every 10, report_phase 0
hald-code c100 10 r18  : report best, report_every 10, report_phase 0
infer-static-code c10 10 r18 : report best, report_every 10, report_phase 0
infer-dynamic-code c10 10 r18 : report best, report_every 10, report_phase 0
ddr-dc-code c10 10 conv3 : selection test-peek, report best, report_every 10, report_phase 9
ddr-dsa-code c10 10 conv3 : selection test-peek, report best, report_every 10, report_phase 9
ddr-dm-code c10 10 conv3 : selection test-peek, report best, report_every 10, report_phase 9
ddr-mtt-code c10 10 conv3 : selection test-peek, report best, report_every 10, report_phase 9
ddr-frepo-code c100 10 conv3 : selection test-peek, report best, report_every 10, report_phase 9
ddr-rfad-code c10 10 conv3 : selection test-peek, report best, report_every 10, report_phase 9
ddr-datm-code c10 10 conv3 : selection test-peek, report best, report_every 20, report_phase 19
ddr-sre2l-code ti 10 r18 : mix_labels none, selection test-peek, report best, report_every 20, report_phase 19
ddr-d4m-code c10 10 conv3 : mix_labels none, selection test-peek, report best, report_every 20, report_phase 19
ddr-dwa-code in 10 r18 : mix_labels none, selection test-peek, report best, report_every 20, report_phase 19
ddr-g-vbsm-code in 10 r18 : mix_labels none, selection test-peek, report best, report_every 20, report_phase 19
ddr-edc-code in 10 r18 : mix_labels none, report best, report_every 20, report_phase 19
ddr-rded-code c10 10 conv3 : mix_labels none, report best, report_every 20, report_phase 19
ddr-whole-code c10 10 conv3 : report best, report_every 10, report_phase 9
"""
UNSEEN = {"augment", "optimiser", "lr", "momentum", "weight_decay", "teacher"}  # of QUIRKS; tested by themselves below

# lr / ζ at IPC 1, 10, 50, lr in thousandths
RATES = """
cv-dd c10 r18   | 1/1 1/1 1/1
cv-dd c10 r101  | .5/1 .5/1 .5/1
cv-dd c100 r50  | 1/1 1/2 1/1
cv-dd c100 r101 | .5/1 .5/1 .5/1
cv-dd ti r18    | 1/2 1/1 1/2
cv-dd ti r50    | 1/1 1/1 1/1
cv-dd ti r101   | .5/2 .5/2 .5/2
cv-dd nette r18 | .5/2 .5/1 .5/2
cv-dd nette r50 | .5/2 1/1 .5/1
cv-dd nette r101 | .5/2 .5/2 1/2
cv-dd in r18    | 1/2 1/2 1/1
cv-dd in r50    | 1/2 1/2 1/1
cv-dd in r101   | 1/2 1/2 .5/2
fadrm c100 r18  | .5/2 1/2 1/1
fadrm c100 r50  | 1/1 1/2 1/1
fadrm c100 r101 | .5/1 .5/1 .5/1
fadrm ti r18    | 1/2 1/2 1/1
fadrm ti r50    | .5/2 .5/2 .5/1
fadrm ti r101   | .5/2 .5/2 .5/1
fadrm nette r18 | .5/2 .5/1 .5/2
fadrm nette r50 | .5/2 .5/1 .5/1
fadrm nette r101 | .5/2 .5/2 1/2
fadrm woof r18  | .5/2 .5/1 1/2
fadrm woof r50  | .5/2 5/1 .5/1
fadrm woof r101 | 1/1 .5/2 .5/1
fadrm in r18    | 1/2 1/2 1/1
fadrm in r50    | .5/2 1/2 1/1
fadrm in r101   | 3.5/2 1/2 .5/1
hald in r18     | 1/2 1/2 1/1
hald in r101    | 3.5/2 1/2 .5/1
hald in mbv2    | 1/2 1/2 1/2
hald woof r50   | .5/2 5/1 .5/1
"""


def rows(table: str, separator: str) -> list[tuple[str, str]]:
    lines = [line.split(separator, 1) for line in table.strip().splitlines() if line.strip()]
    return [(" ".join(key.split()), rest.strip()) for key, rest in lines]


def settings_in(cell: str) -> Settings:
    name, target, ipc, student = cell.split()
    return load_protocol(name).resolve(TARGETS[target], int(ipc), STUDENTS[student])[0]


def short(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".").removeprefix("0") or "0"


OPERATIONS: dict[str, Callable[[dict[str, Any]], str]] = {
    "padded-crop": lambda values: f"pad{values['padding']}",
    "flip": lambda values: "flip" if values["p"] == 0.5 else "?",
    "random-resized-crop": lambda values: f"rrc{short(values['scale'][0])}" if values["scale"][1] == 1 else "?",
    "patch-shuffle": lambda values: f"{'noop' if values.get('noop') else 'shuffle'}{values['factor']}",
    "rand-augment": lambda values: f"ra{values['magnitude']}" if values["operations"] == 2 else "?",
    "timm-rand-augment": lambda values: f"timm-ra{values['magnitude']}" if values["magnitude_std"] == 1 else "?",
    "color-jitter": lambda values: f"jitter{short(values['brightness'])}",
    "lighting": lambda values: f"light{short(values['alpha'])}",
    "gaussian-noise": lambda values: f"noise{short(values['sigma'])}",
    "dsa": lambda values: "dsa" if values["strategy"].count("_") == 5 else "?",
}


def described(settings: Settings) -> list[str]:
    """The columns of RECIPES."""
    s = settings
    micro = f" ({s.micro_batch})" if s.micro_batch else ""
    rate = "search" if s.lr_search == (0.001, 0.005, 0.01, 0.05, 0.1) else short(s.lr)
    momentum = f" {short(s.momentum)}" if s.optimiser == "sgd" else ""
    if s.schedule in ("step", "multistep"):
        shape = f"{short(s.decay)} {','.join(map(str, s.milestones))}"
    else:
        shape = short(s.zeta) + (f" warm{s.warmup_epochs}" if s.warmup_epochs else "")
    return [
        f"{s.epochs} {s.batch_size}{micro}",
        f"{s.optimiser} {rate}{momentum} {short(s.weight_decay)} {'skip' if s.wd_exclude_1d else 'all'}",
        f"{s.schedule} {shape}",
        _loss(s),
        _mix(s.mix),
        " ".join(OPERATIONS[values["kind"]](values) for values in s.augment) or "-",
        _labels(s),
        f"{s.normalisation} {s.validation_resize or ''}".strip() + (f" ema{short(s.ema)}" if s.ema else ""),
    ]


def _loss(s: Settings) -> str:
    if s.loss == "mse-gt":
        return f"mse-gt {short(s.gamma)}"
    words = [s.loss] if s.loss == "ce" else [s.loss, short(s.temperature)]
    words += ["t2"] if s.kl_t2 else []
    words += [f"+{short(s.gamma)}"] if s.gamma else []
    words += [f"hard{short(s.hard_phase[0])}-{short(s.hard_phase[1])}"] if s.hard_phase else []
    words += [f"smooth{short(s.label_smoothing)}"] if s.label_smoothing else []
    return " ".join(words)


def _mix(mix: dict[str, Any] | None) -> str:
    if mix is None:
        return "-"
    partner = mix.get("partner", "permutation")
    return f"{mix['kind']} {short(mix['alpha'])}" + (f" {partner}" if partner != "permutation" else "")


def _labels(s: Settings) -> str:
    words = [s.labels] + ([str(len(s.pool))] if s.pool else [])
    words += ["norm"] if s.teacher_combine == "norm-mean" else []
    words += [f"train{s.teacher_bn_sub_batch or ''}"] if s.teacher_bn == "train" else []
    words += ["weighted"] if s.teacher_weights else []
    words += ["fp16"] if s.label_precision == "float16" else []
    words += [f"{s.label_draw}{short(s.label_epochs)}"] if s.label_epochs else []
    words += [f"zca{short(s.zca)}"] if s.zca else []
    return " ".join(words)


@pytest.mark.parametrize(("cell", "recipe"), rows(RECIPES, "|"))
def test_a_cell_has_its_published_recipe(cell: str, recipe: str) -> None:
    settings = settings_in(cell)
    assert described(settings) == [" ".join(column.split()) for column in recipe.split("|")]
    if settings.optimiser == "adamw":
        assert (settings.betas, settings.eps) == ((0.9, 0.999), 1e-8)
    assert (settings.report, settings.selection) == ("last", "held-out")
    assert not settings.peeks


@pytest.mark.parametrize(("cell", "quirks"), rows(QUIRKS, " : "))
def test_released_code_differs_in_its_quirks_alone(cell: str, quirks: str) -> None:
    own, clean = settings_in(cell), settings_in(cell.replace("-code", "", 1))
    differing = {
        name: getattr(own, name) for name in Settings.model_fields if getattr(own, name) != getattr(clean, name)
    }
    expected = dict(quirk.split(" ") for quirk in quirks.split(", "))
    expected = {name: value for name, value in expected.items() if f"{getattr(clean, name)}" != value}
    assert {name: str(value) for name, value in differing.items() if name not in UNSEEN} == expected


@pytest.mark.parametrize(("cell", "expected"), rows(RATES, "|"))
def test_rates_and_smoothing_factors(cell: str, expected: str) -> None:
    name, target, student = cell.split()
    for ipc, entry in zip((1, 10, 50), expected.split(), strict=True):
        rate, zeta = map(float, entry.split("/"))
        settings = settings_in(f"{name} {target} {ipc} {student}")
        assert (settings.lr, settings.zeta) == (pytest.approx(rate / 1000), zeta), ipc


def test_every_protocol_is_in_a_table() -> None:
    named = {
        cell.split()[0] for table, separator in ((RECIPES, "|"), (QUIRKS, " : ")) for cell, _ in rows(table, separator)
    }
    assert named == set(list_protocols())


@pytest.mark.parametrize(
    ("target", "optimiser"), [("c100", ("sgd", 0.1, 0.875, 5e-4)), ("ti", ("sgd", 0.1, 0.875, 5e-4))]
)
def test_edc_trains_small_sets_with_sgd_in_its_code(target: str, optimiser: tuple[str, float, float, float]) -> None:
    s = settings_in(f"edc-code {target} 10 r18")
    assert (s.optimiser, s.lr, s.momentum, s.weight_decay) == optimiser
    assert len(s.pool) == 5
    assert s.schedule == ("cos2" if target == "c100" else "cosine")
    assert s.report_every == (100 if target == "c100" else 30)


def test_operations_that_only_released_code_has() -> None:
    assert described(settings_in("edc-code in 10 r18"))[5] == "noop2 rrc.5 flip"
    assert described(settings_in("ddr-sre2l-code ti 50 r18"))[5] == "rrc.08 flip noise.1"
    assert settings_in("hald-code in 10 r18").augment[0]["coordinates"] == "fp16-trunc"


def test_committee_weights_are_the_softmax_of_a_tenth_of_the_priors() -> None:
    priors = {
        "c10": (63, 65.3, 68.5, 67.6, 67.4),
        "c100": (64, 60.6, 51.6, 59.4, 56.4),
        "ti": (46.5, 28.3, 43.6, 44.8, 41.5),
        "nette": (62.4, 52, 57.2, 54, 60.8),
        "in": (56.4, 42.3, 52.5, 44.2, 40.6),
    }
    for target, prior in priors.items():
        weights = settings_in(f"cv-dd {target} 10 r18").teacher_weights
        assert weights == pytest.approx(torch.softmax(torch.tensor(prior) / 10, dim=0).tolist(), abs=1e-6)


@pytest.mark.parametrize(("ipc", "epochs"), [(1, 100), (3, 33), (7, 14), (10, 10), (20, 5), (30, 3), (40, 2), (100, 1)])
def test_hald_has_a_hundred_soft_labels_a_class(ipc: int, epochs: int) -> None:
    assert settings_in(f"hald in {ipc} r18").label_epochs == epochs == 100 // ipc
