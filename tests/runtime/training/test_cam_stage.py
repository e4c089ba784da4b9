"""A stage with CAM-BS: its frozen network stays, the live one learns, kept images are untouched."""

from __future__ import annotations

import numpy as np
from ltdsl_runtime.training.stages import build_stage
from ltdsl_runtime.tricks.optimizers import build_optimizer
from ltdsl_runtime.tricks.warp import KEEP
from mindspore import Tensor
from support.training import PLAIN, assert_same, conv_network, plan, trainer, weights


def staged(data, tricks, network):
    run = plan(PLAIN + f'epochs = 3; init = "x"; batch_size = 16; a: {tricks}')
    optimizer = build_optimizer(
        run.stages[0].optimizer, network.trainable_params(), [0.3] * 3 * (70 // 16)
    )
    stage = build_stage(run, run.stages[0], data, network, optimizer)
    stage.step.set_train(True)
    return stage


def test_the_frozen_network_stays_while_the_live_one_learns(data):
    network = conv_network()
    start = weights(network)
    stage = staged(data, "cam_bs(keep_originals = false)", network)
    frozen = stage.step.transform.network
    before = weights(frozen)
    np.testing.assert_equal(list(before.values()), list(start.values()))
    assert not before.keys() & start.keys()  # one graph holds both
    probe = stage.source[0]
    first = stage.step.transform(stage.step.normalise(Tensor(probe[0])), *map(Tensor, probe[1:]))
    for batch in stage.source:
        stage.step(*map(Tensor, batch))
    assert_same(before, weights(frozen))
    live = weights(network)
    assert all(np.any(live[name] != start[name]) for name in live)
    # and so does what it makes of an image
    last = stage.step.transform(stage.step.normalise(Tensor(probe[0])), *map(Tensor, probe[1:]))
    np.testing.assert_array_equal(first.asnumpy(), last.asnumpy())


def test_only_the_live_network_is_trained(data):
    network = conv_network()
    stage = staged(data, "cam_bs", network)
    trained = {parameter.name for parameter in stage.step.update.optimizer.parameters}
    assert trained == {parameter.name for parameter in network.trainable_params()}
    frozen = stage.step.transform.network
    assert not any(parameter.requires_grad for parameter in frozen.get_parameters())


def test_images_that_are_kept_are_trained_on_as_they_are(data):
    """Step for step the same weights as without CAM-BS, where every image is kept."""
    plain = staged(data, "class_balanced", conv_network())
    moved = staged(data, "cam_bs", conv_network())
    assert moved.source.columns == ("image", "label", "warp0", "warp1")
    for number in range(5):
        image, label, kind, u = moved.source[number]
        np.testing.assert_equal(plain.source[number], (image, label))
        kept = np.full_like(kind, KEEP)
        a = plain.step(Tensor(image), Tensor(label))
        b = moved.step(Tensor(image), Tensor(label), Tensor(kept), Tensor(u))
        np.testing.assert_array_equal(a.asnumpy(), b.asnumpy())
    assert_same(weights(plain.step.network), weights(moved.step.network))
    image, label, kind, u = moved.source[5]
    a = plain.step(Tensor(image), Tensor(label))
    b = moved.step(Tensor(image), Tensor(label), Tensor(np.full_like(kind, 1)), Tensor(u))
    assert a.asnumpy() != b.asnumpy()


def test_a_run_with_second_images_of_its_own(data, tmp_path):
    """Its batches have columns between the labels and the transformations, which pictures must not mistake."""
    run = plan(PLAIN + "epochs = 2; batch_size = 16; a: ce; b: cam_bs + cmo @ epoch 1")
    trainer(run, data, tmp_path / "run", conv_network())()
    assert (tmp_path / "run" / "cam" / "b.json").exists()
