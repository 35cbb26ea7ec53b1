from __future__ import annotations

import pytest
import torch
from torch import nn

from rd3.base.errors import UserError
from rd3.models import count_parameters, create_model, embed, feature_extractor, flops_per_image
from rd3.models.features import last_linear

IMAGES = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    "name", ["convnet3", "lenet", "mlp", "vgg11-bn", "resnet18", "tv:mobilenet_v2", "timm:resnet18"]
)
def test_the_last_layer_turns_the_embedding_into_the_logits(name):
    model = create_model(name, classes=10, size=32, seed=0).eval()
    head = last_linear(model)
    with torch.no_grad():
        logits = embed(model, IMAGES) @ head.weight.T + head.bias
        torch.testing.assert_close(logits, model(IMAGES))


def test_the_embedding_of_the_papers_convnet_has_2048_numbers():
    assert embed(create_model("convnet3", classes=10, size=32), IMAGES).shape == (3, 2048)
    assert embed(create_model("convnet3", classes=10, size=28, channels=1), torch.rand(3, 1, 28, 28)).shape == (3, 2048)


def test_gradients_reach_the_images_through_the_embedding():
    model = create_model("convnet3-w8", classes=10, size=32, seed=0).requires_grad_(False)
    images = IMAGES.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(feature_extractor(model)(images).square().sum(), images)
    direct = IMAGES.clone().requires_grad_()
    (expected,) = torch.autograd.grad(model.features(direct).square().sum(), direct)
    assert torch.equal(gradient, expected)


def test_embedding_leaves_no_hook_behind():
    model = create_model("mlp", classes=10, size=32)
    embed(model, IMAGES)
    assert not last_linear(model)._forward_pre_hooks


def test_a_network_without_a_linear_layer_has_no_embedding():
    with pytest.raises(UserError, match="no linear layer"):
        embed(nn.Conv2d(3, 3, 1), IMAGES)


def test_a_last_layer_that_sees_no_vectors_is_refused():
    with pytest.raises(UserError, match="one vector an image"):
        embed(nn.Sequential(nn.Flatten(2), nn.Linear(1024, 5)), IMAGES)


@pytest.mark.parametrize(("name", "mega_multiply_adds"), [("convnet3", 50.7), ("convnet3-w32", 3.8)])
def test_flops_of_the_convnet_are_the_known_ones(name, mega_multiply_adds):
    model = create_model(name, classes=10, size=32)
    assert flops_per_image(model, size=32) / 2e6 == pytest.approx(mega_multiply_adds, abs=0.05)


def test_counting_flops_changes_nothing_in_the_network():
    model = create_model("convnet3-bn-w8", classes=10, size=32)
    model.features[1].eval()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    flops_per_image(model, size=32)
    assert model.training
    assert not model.features[1].training
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_frozen_parameters_count_and_buffers_do_not():
    model = create_model("convnet1-bn-w8", classes=2, size=8).requires_grad_(False)
    assert count_parameters(model) == (3 * 9 + 1) * 8 + 2 * 8 + (8 * 4 * 4 + 1) * 2
