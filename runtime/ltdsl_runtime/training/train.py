"""Training: a plan, stage after stage, into a run directory."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from mindspore.train import Model

from ltdsl.options import RunOptions
from ltdsl.runs.evaluation import Evaluation
from ltdsl.runs.layout import TENSORBOARD
from ltdsl.runs.metrics import Epoch
from ltdsl_runtime.data.pipeline import own_errors, training_dataset
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.graph.evaluation import EvalStep
from ltdsl_runtime.graph.normalise import Normalise
from ltdsl_runtime.machine.device import on_cpu
from ltdsl_runtime.models import freeze, planned_network
from ltdsl_runtime.models.classifiers import use_factors
from ltdsl_runtime.models.split import Split, split_network
from ltdsl_runtime.parallel.cluster import ALONE
from ltdsl_runtime.parallel.collectives import shared_statistics
from ltdsl_runtime.training.agreement import must_start_alike
from ltdsl_runtime.training.best import BestEpochs
from ltdsl_runtime.training.callback import EpochEnd
from ltdsl_runtime.training.evaluate import Evaluator
from ltdsl_runtime.training.gallery import gallery, save_gallery
from ltdsl_runtime.training.resume import Reached, reached
from ltdsl_runtime.training.stages import Stage, begin_stage, build_stage, rates_of_steps
from ltdsl_runtime.training.tensorboard import Events
from ltdsl_runtime.tricks.optimizers import build_optimizer
from ltdsl_runtime.tricks.posthoc import corrected
from ltdsl_runtime.tricks.registry import build_sampling
from ltdsl_runtime.weights import checkpoints
from ltdsl_runtime.weights.restore import epoch_of, load_own, restored_network
from ltdsl_runtime.weights.start import started_from

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mindspore import Parameter, nn

    from ltdsl.plan import Plan, StagePlan
    from ltdsl_runtime.data import LoadedData
    from ltdsl_runtime.models import Network
    from ltdsl_runtime.parallel.cluster import Workers
    from ltdsl_runtime.rundir.directory import RunDirectory
    from ltdsl_runtime.training.progress import Reporter


class Trainer:
    """Trains a plan.

    Args:
        plan: What to do.
        data: What to do it on.
        run: Where everything goes.
        reporter: Who is told.
        options: How to do it.
        root: Folder that checkpoints named in the recipe are relative to.
        workers: This one among those that share the work; the first alone writes.

    Raises:
        RunError: LT411 or LT412, a checkpoint that the recipe names cannot be used.
    """

    def __init__(
        self,
        plan: Plan,
        data: LoadedData,
        run: RunDirectory,
        reporter: Reporter,
        options: RunOptions | None = None,
        root: Path | None = None,
        workers: Workers = ALONE,
    ) -> None:
        self.workers = workers
        self.plan = plan
        self.data = data
        self.run = run
        self.reporter = reporter
        self.options = options or RunOptions()
        self.root = root or Path()
        self.events: Events | None = None
        self.digest = plan.digest()
        self.network = self._first_network()
        if any(stage.classifier and stage.classifier.adds_factors for stage in plan.stages):
            use_factors(self.network, len(data.counts))
        must_start_alike(self.network, workers)
        if (part := workers.part(len(data.counts))) is not None:
            split_network(self.network, part)
        self.split = Split(self.network)
        self.statistics = shared_statistics(self.network, workers)
        self.evaluate = self._evaluator(plan.stages[-1].loss.confidence)
        #: Each read once, and before anything is trained.
        self.teachers = {
            stage.teacher.teacher: self._teacher(stage.teacher.teacher)
            for stage in plan.stages
            if stage.teacher is not None
        }
        self.best: BestEpochs

    def _first_network(self) -> Network:
        """The plan's model with its initial weights, or with those of the checkpoint that it starts from."""
        classes, channels = len(self.data.counts), self.data.train.shape[0]
        if self.plan.init is None:
            return planned_network(self.plan, classes, channels)
        path = self.root / self.plan.init
        network, whole = started_from(self.plan, classes, channels, path)
        if not whole:
            self.reporter.say(f"the classifier starts anew: {path} has none of these classes")
        return network

    def _evaluator(self, confidence: str) -> Evaluator:
        """An evaluation graph; corrected in all epochs alike, so that errors of any two can be compared."""
        network = corrected(self.plan, self.network, self.data.counts)
        normalise = Normalise(self.data.mean, self.data.std)
        step = EvalStep(network, normalise, confidence, self.workers, self.network.part)
        return Evaluator(step, len(self.data.counts), self.workers)

    def _evaluator_of(self, epoch: int) -> Evaluator:
        """What evaluates an epoch with the confidence of the loss that it was trained with."""
        confidence = self.plan.stage_at(epoch).loss.confidence
        same = confidence == self.plan.stages[-1].loss.confidence
        return self.evaluate if same else self._evaluator(confidence)

    def _teacher(self, path: str) -> Network:
        """A frozen model with the weights of a checkpoint, and as many of the classes as the trained one."""
        teacher = freeze(self._restored(self.root / path))
        if self.network.part is not None:
            split_network(teacher, self.network.part)
        return teacher

    def _restored(self, path: Path) -> Network:
        """Another network of the plan's, whole, with the weights of a checkpoint."""
        classes, channels = len(self.data.counts), self.data.train.shape[0]
        return restored_network(self.plan, classes, channels, checkpoints.load(path), path)

    def __call__(self, resume: bool = False) -> dict[str, Any]:
        """Run all stages, then evaluate.

        Args:
            resume: Go on after the last epoch that the run directory has a checkpoint of. Everything random is a
                function of seed and epoch, so the numbers are those of a run without a break.

        Returns:
            What evaluation.json holds.

        Raises:
            RunError: LT410, the loss is no longer finite; LT411, a checkpoint is damaged and cannot be done without;
                LT424, something cannot be written.
        """
        so_far = self._reached() if resume else Reached()
        done, saved, last, metrics = so_far.done, so_far.saved, so_far.path, so_far.metrics
        if saved:
            checkpoints.apply(saved, self.network, last)
        if self.options.tensorboard and self.workers.first:
            with self.run.writing(self.run.path / TENSORBOARD):
                self.events = Events(self.run.path, self.run.facts.started, metrics)
        self.best = BestEpochs(self.plan, self.run, self._warn)
        self.best.go_on(metrics)
        optimizer: nn.Optimizer | None = None
        owner = 0  # the stage that the running optimizer started in
        for index, stage in enumerate(self.plan.stages):
            if stage.fresh_optimizer:
                owner, optimizer = index, None
            if stage.end <= done:
                continue
            under_way = stage.start < done
            if stage.handoff == "best" and not under_way:
                self._restore(self.best.of_stage(index - 1))
            if stage.sampler.needs_weights:
                start = self.run.checkpoint(f"{stage.name}-start")
                if under_way:
                    self._restore(start)
                else:
                    self._save(start, self.split.whole(self.network.get_parameters()))
            # before the classifier is drawn anew: it would know nothing of where a class is
            sampling = build_sampling(stage.sampler, self._whole(stage), self.data)
            trained = begin_stage(self.plan, stage, self.network)
            if optimizer is None:
                rates = rates_of_steps(self.plan, owner, self.data.counts)
                optimizer = build_optimizer(stage.optimizer, trained, rates)
                if under_way or owner < index:
                    checkpoints.apply(saved, optimizer, last)
            teacher = self.teachers[stage.teacher.teacher] if stage.teacher else None
            built = build_stage(
                self.plan,
                stage,
                self.data,
                self.network,
                optimizer,
                teacher,
                sampling,
                self.workers,
            )
            if built.step.transform is not None and self.workers.first:
                self._save_galleries(built)
            if under_way:
                checkpoints.apply(saved, self.network, last)
                checkpoints.apply(saved, built.step.update, last)
            self._train(index, built, max(done, stage.start))
        if self.events:
            self.events.close()
        return self._final_evaluation()

    def _save_galleries(self, stage: Stage) -> None:
        """Pictures of a stage with `cam_bs`: a few for the report, and those that were asked for."""
        names = self.data.train.class_names
        self.run.picture(*gallery(stage, names, report=True))
        if self.options.keep_cam:
            save_gallery(self.options.keep_cam, *gallery(stage, names))

    def _reached(self) -> Reached:
        """How far the run has come; the first worker finds out, and tidies up, before the others."""
        if not self.workers.first:
            self.workers.wait()
        so_far = reached(self.run, self.digest, self._warn, self.split.own)
        if self.workers.first:
            self.workers.wait()
        return so_far

    def _save(self, path: Path, parameters: Iterable[Parameter], **facts: Any) -> None:
        """Write a checkpoint of this run."""
        if not self.workers.first:
            return
        with self.run.writing(path):
            checkpoints.save(path, parameters, plan_sha256=self.digest, **facts)

    def _restore(self, path: Path) -> None:
        """Load a checkpoint of this run into the network."""
        self.workers.wait()  # until the first one has written it
        checkpoints.apply(load_own(path, self.digest, self.split.own), self.network, path)

    def _whole(self, stage: StagePlan) -> Network:
        """The network that a stage starts with, for a sampler that needs weights of all classes."""
        if self.network.part is None or not stage.sampler.needs_weights:
            return self.network
        self.workers.wait()  # until the first one has written it
        return self._restored(self.run.checkpoint(f"{stage.name}-start"))

    def _warn(self, message: str) -> None:
        """Tell of a loss, and record it: the numbers may no longer be those of a run without a break."""
        self.reporter.warn(message)
        self.run.note(warnings=[*self.run.facts.warnings, message])

    def _train(self, index: int, stage: Stage, done: int) -> None:
        """Train one stage to its end, from the epoch after the first ``done`` of the run."""
        self.reporter.stage(stage.plan.name)
        stage.source.start_batch = (done - stage.plan.start) * stage.source.steps
        dataset = training_dataset(stage.source)
        callbacks = [EpochEnd(self, index, stage, done)]
        stage.step.set_train(True)
        with own_errors(dataset):
            if not on_cpu():
                Model(stage.step).train(
                    stage.plan.end - done,
                    dataset,
                    callbacks,
                    dataset_sink_mode=True,
                    sink_size=stage.source.steps,
                )
            else:  # to MindSpore the whole stage is one epoch; see `training_dataset`
                Model(stage.step).train(1, dataset, callbacks, dataset_sink_mode=False)

    def finish_epoch(
        self,
        index: int,
        stage: Stage,
        epoch: int,
        loss: float,
        skipped: int,
        seconds: float,
        since: str = "",
    ) -> None:
        """Evaluate, save and record, as an epoch ends.

        Args:
            index: The stage's place in the plan.
            stage: The stage.
            epoch: The epoch's number, from 0.
            loss: Mean of its batches' losses, without those of skipped steps.
            skipped: Steps without an update, their gradients not being finite in float16.
            seconds: Wall time of its training.
            since: Where the loss stopped being finite, as the end of a sentence.

        Raises:
            RunError: LT410, the loss or a weight is not finite; the checkpoints are those of the epoch before.
        """
        # by name: an optimizer's parameters include the weights that it updates
        holders = (self.network, stage.step.update)
        parameters = {p.name: p for cell in holders for p in cell.get_parameters()}.values()
        where = f"epoch {epoch + 1} (stage `{stage.plan.name}`)"
        if skipped == stage.source.steps:
            message = f"no gradient was finite in float16 in {where}, and all steps were skipped"
            hint = "use `precision = bf16` or `fp32`, or lower the learning rate"
            raise self._stopped(message, hint)
        if not math.isfinite(loss):
            raise self._not_finite(f"the loss is {loss} in {where}{since}")
        # an update can break them after the last loss
        finite = [np.isfinite(parameter.asnumpy()).all() for parameter in parameters]
        broken = ~self.workers.gather(np.array(finite, np.int32)).all(0)
        for parameter, is_broken in zip(parameters, broken, strict=True):
            if is_broken:
                raise self._not_finite(f"`{parameter.name}` is not finite after {where}")
        if self.statistics is not None:
            self.statistics()
        measured_on = self.plan.best_on or "test"
        scores = self.evaluate(getattr(self.data, measured_on))
        parameters = self.split.whole(parameters)
        facts = {"epoch": epoch, "stage": stage.plan.name}
        record = Epoch(
            epoch=epoch,
            stage=stage.plan.name,
            loss=loss,
            lr=stage.plan.rate(epoch),
            top1_error=scores.top1_error,
            macro_recall=scores.macro_recall,
            measured_on=measured_on,
            seconds=seconds,
            skipped=skipped,
        )
        for path in self.best.improved(index, record):
            self._save(path, parameters, **facts)
        self.run.record(record)
        # last of all: a run that is resumed goes on from here, and repeats whatever was written of a later epoch
        last, previous = self.run.checkpoint("last"), self.run.checkpoint("previous")
        self._save(last, parameters, keep=previous, **facts)
        if self.events:
            self.events.add(record)
        self.reporter.epoch(record)

    def _not_finite(self, message: str) -> RunError:
        return self._stopped(message, "lower the learning rate, or let it warm up")

    def _stopped(self, message: str, hint: str) -> RunError:
        last = self.run.checkpoint("last")
        kept = f"; {last} holds the epoch before" if last.exists() else ""
        return RunError("LT410", message, hint + kept)

    def _final_evaluation(self) -> dict[str, Any]:
        """Evaluate the last and the best epoch on the test part."""
        held = {parameter.name for parameter in self.network.get_parameters()}

        def weights(name: str, value: np.ndarray) -> np.ndarray | None:
            # and facts; not what an optimizer keeps
            return self.split.own(name, value) if name in held or value.size == 1 else None

        names = self.data.test.class_names
        result: dict[str, Any] = {"best_on": self.plan.best_on, "best_by": self.plan.best_by}
        result["test_images"] = len(self.data.test)
        self.workers.wait()  # until the first one has written them
        for which in ("last", "best") if self.plan.best_on else ("last",):
            path = self.run.checkpoint(which)
            saved = load_own(path, self.digest, weights)
            checkpoints.apply(saved, self.network, path)
            epoch = epoch_of(saved, path)
            scores = self._evaluator_of(epoch)(self.data.test)
            result[which] = {"epoch": epoch, **scores.report(self.data.counts, names)}
        evaluation = Evaluation.model_validate(result)
        self.run.evaluated(evaluation)
        return evaluation.as_data()
