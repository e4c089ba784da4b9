"""The reference toolbox on a CPU, timed on request. Runs under a Python that has PyTorch and torchvision.

    python toolbox_worker.py CHECKOUT CIFAR_FOLDER THREADS

Nothing of the toolbox is changed on disk. Its `.cuda()` and `.to("cuda")` are answered with the CPU, its CIFAR-10 is
read from the binary files. Everything else is its own: data set, augmentation, loader (one worker a thread), network,
combiner, loss, optimizer, `train_model` and `valid_model`. Networks for large images are torchvision's, in a step of
plain PyTorch. Each line of standard input is a command, ``WHAT COUNT NAME``; each line of standard output after
``ready`` is its answer, in seconds.
"""

import contextlib
import logging
import os
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torchvision

#: Configurations of the toolbox, and what is changed in them by its own command-line options.
SETTINGS = {
    "ce": ("baseline/cifar10_im100.yaml", []),
    "input_mixup": ("mixup/input_mixup/cifar10_im100_im_alpha10.yaml", []),
    "cam_bs + cs_ce": (
        "baseline/cifar10_im100.yaml",
        [
            *("LOSS.LOSS_TYPE", "CostSensitiveCE"),
            *("TRAIN.SAMPLER.TYPE", "weighted sampler"),
            *("TRAIN.SAMPLER.WEIGHTED_SAMPLER.TYPE", "balance"),
        ],
    ),
}


def read_cifar(self, root, train=True, transform=None, target_transform=None, download=False):
    """Stands in for torchvision's reader, which asks for the pickled files."""
    del root, download
    folder = Path(sys.argv[2])
    folder = next(iter(folder.glob("**/test_batch.bin"))).parent
    names = [f"data_batch_{i}.bin" for i in range(1, 6)] if train else ["test_batch.bin"]
    rows = np.concatenate(
        [np.frombuffer((folder / name).read_bytes(), np.uint8).reshape(-1, 3073) for name in names]
    )
    self.targets = rows[:, 0].tolist()
    self.data = rows[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).copy()
    self.transform, self.target_transform = transform, target_transform


def on_cpu(method):
    """`Tensor.to`, deaf to "cuda"."""

    def to(self, *args, **kwargs):
        return self if args and str(args[0]).startswith("cuda") else method(self, *args, **kwargs)

    return to


class Toolbox:
    """One configuration, ready to train."""

    def __init__(self, name, checkout, threads):
        import dataset
        import loss as losses
        from config import cfg
        from core.combiner import Combiner
        from net import Network
        from utils.utils import get_category_list, get_optimizer

        file, options = SETTINGS[name]
        cfg = cfg.clone()
        cfg.defrost()
        cfg.merge_from_file(str(checkout / "configs" / "cao_cifar" / file))
        cfg.merge_from_list(options)
        self.cfg, self.device = cfg, torch.device("cpu")
        train, valid = (
            dataset.IMBALANCECIFAR10(part, cfg, download=False) for part in ("train", "valid")
        )
        counts, _ = get_category_list(train.get_annotations(), train.get_num_classes(), cfg)
        settings = {"num_classes": 10, "num_class_list": counts, "cfg": cfg, "device": self.device}
        self.criterion = getattr(losses, cfg.LOSS.LOSS_TYPE)(para_dict=settings)
        self.network = Network(cfg, mode="train", num_classes=10)
        self.model = torch.nn.DataParallel(self.network)
        self.combiner = Combiner(cfg, self.device, counts)
        self.optimizer = get_optimizer(cfg, self.network)
        self.train_set, self.valid_set, self.threads = train, valid, threads
        train.update(1)
        self.combiner.update(1)
        self.criterion.update(1)
        self.batch = next(
            iter(torch.utils.data.DataLoader(train, cfg.TRAIN.BATCH_SIZE, shuffle=True))
        )

    def step(self, _count):
        """One step on a batch at hand."""
        self.model.train()
        value, _ = self.combiner.forward(self.model, self.criterion, *self.batch)
        self.optimizer.zero_grad()
        value.backward()
        self.optimizer.step()
        value.item()

    def train(self, steps):
        """So many steps of an epoch."""
        from core.function import train_model

        images = self.cfg.TRAIN.BATCH_SIZE
        sampler = torch.utils.data.RandomSampler(self.train_set, num_samples=steps * images)
        train_model(
            torch.utils.data.DataLoader(
                self.train_set, images, sampler=sampler, num_workers=self.threads, drop_last=True
            ),
            self.model,
            1,
            2,
            self.optimizer,
            self.combiner,
            self.criterion,
            self.cfg,
            logging.getLogger(),
            use_apex=False,
        )

    def evaluate(self, images):
        """The first test images."""
        from core.function import valid_model

        part = torch.utils.data.Subset(self.valid_set, range(images))
        valid_model(
            torch.utils.data.DataLoader(part, self.cfg.TEST.BATCH_SIZE, num_workers=self.threads),
            1,
            self.model,
            self.cfg,
            self.criterion,
            logging.getLogger(),
            self.device,
            0,
            False,
        )

    def cam(self, _count):
        """Generated images of at most 40 originals a class, for the time of one."""
        from utils.cam_based_sampling import cam_based_sampling

        whole = self.train_set.data, self.train_set.all_info
        kept = []
        for label in range(10):
            own = [entry for entry in whole[1] if entry["category_id"] == label]
            kept += own[: max(5, 40 >> label)]
        self.train_set.data = self.train_set.all_info = kept
        self.cfg.DATASET.CAM_DATA_SAVE_PATH = self.cfg.DATASET.CAM_DATA_JSON_SAVE_PATH = "cam"
        counts = np.bincount([int(entry["category_id"]) for entry in kept], minlength=10)
        self.cfg.DATASET.CAM_DATA_JSON_SAVE_PATH = "cam.json"
        cam_based_sampling(self.train_set, self.network, self.cfg)
        self.train_set.data, self.train_set.all_info = whole
        return int((counts.max() + counts.min() - counts).sum())


class Large:
    """A network of torchvision on made-up images of 224 × 224 pixels, a hundred classes."""

    def __init__(self, name, images):
        self.model = NETWORKS[name]()
        self.optimizer = torch.optim.SGD(
            self.model.parameters(), 0.001, momentum=0.9, weight_decay=2e-4, nesterov=True
        )
        self.batch = torch.rand(images, 3, 224, 224), torch.arange(images) % 100

    def step(self, _count):
        """One step on a batch at hand."""
        image, label = self.batch
        value = torch.nn.functional.cross_entropy(self.model(image), label)
        self.optimizer.zero_grad()
        value.backward()
        self.optimizer.step()
        value.item()


#: Networks for large images.
NETWORKS = {
    "resnet10": lambda: torchvision.models.ResNet(
        torchvision.models.resnet.BasicBlock, [1, 1, 1, 1], num_classes=100
    ),
    "mobilenet_v2": lambda: torchvision.models.mobilenet_v2(num_classes=100, width_mult=0.5),
}


def main():
    checkout, threads = Path(sys.argv[1]), int(sys.argv[3])
    torch.set_num_threads(threads)
    torchvision.datasets.CIFAR10.__init__ = read_cifar
    torch.Tensor.to = on_cpu(torch.Tensor.to)
    torch.Tensor.cuda = torch.nn.Module.cuda = lambda self, *_, **__: self
    sys.path.insert(0, str(checkout / "lib"))
    sys.path.insert(0, str(checkout / "main"))
    answers = os.fdopen(os.dup(1), "w")
    ready = {}
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):  # noqa: PTH123
        print("ready", file=answers, flush=True)
        for line in sys.stdin:
            what, count, name = line.strip().split(" ", 2)
            if name not in ready:
                large = name in NETWORKS
                ready[name] = Large(name, int(count)) if large else Toolbox(name, checkout, threads)
            start = time.perf_counter()
            made = getattr(ready[name], what)(int(count))
            seconds = time.perf_counter() - start
            print(seconds / made if made else seconds, file=answers, flush=True)


if __name__ == "__main__":
    main()
