"""Training: a plan, stage after stage, into a run directory."""

from __future__ import annotations

import contextlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mindspore.train import Model

from ltdsl.options import RunOptions
from ltdsl.runs.evaluation import Evaluation
from ltdsl.runs.layout import TENSORBOARD
from ltdsl.runs.metrics import Epoch
from ltdsl.runs.profile import Lap, Profile
from ltdsl.wording import counted
from ltdsl_runtime.clock import now_at, running, spent_on
from ltdsl_runtime.data.pipeline import own_errors, training_dataset
from ltdsl_runtime.errors import RunError, StoppedAsAsked
from ltdsl_runtime.machine.device import on_cpu
from ltdsl_runtime.parallel.cluster import ALONE
from ltdsl_runtime.parallel.collectives import shared_statistics
from ltdsl_runtime.parallel.exchange import those_who_left
from ltdsl_runtime.training.beginning import BEGIN, must_be_begun_with
from ltdsl_runtime.training.best import BestEpochs
from ltdsl_runtime.training.callback import Epochs
from ltdsl_runtime.training.epochs.again import UnusableError
from ltdsl_runtime.training.epochs.cache import forget_half_taken
from ltdsl_runtime.training.evaluate import described, evaluator, fit_prior, fitted, judged
from ltdsl_runtime.training.features import (
    KeptFeatures,
    are_kept,
    body_digest,
    feature_store,
    features_fit,
)
from ltdsl_runtime.training.finite import must_be_finite
from ltdsl_runtime.training.gallery import gallery, save_gallery
from ltdsl_runtime.training.keeping import Keeper
from ltdsl_runtime.training.networks import network_at, network_to_train, teacher_at
from ltdsl_runtime.training.preconditions import must_be_possible
from ltdsl_runtime.training.resume import Reached
from ltdsl_runtime.training.stages import begin_stage, build_stage, optimizer_of
from ltdsl_runtime.training.stopping import EARLY, ends_early
from ltdsl_runtime.training.tensorboard import Events
from ltdsl_runtime.tricks.curriculum import Curriculum
from ltdsl_runtime.tricks.optimizers import go_on
from ltdsl_runtime.tricks.registry import build_sampling
from ltdsl_runtime.weights import checkpoints
from ltdsl_runtime.weights.averages import are_averaged, as_used, weights_told
from ltdsl_runtime.weights.restore import epoch_of

if TYPE_CHECKING:
    import numpy as np
    from mindspore import Parameter, nn
    from numpy.typing import NDArray

    from ltdsl.plan import Confidence, Plan, StagePlan
    from ltdsl.runs.predictions import Checkpoint, PartName
    from ltdsl_runtime.data import LoadedData
    from ltdsl_runtime.parallel.cluster import Workers
    from ltdsl_runtime.rundir.directory import RunDirectory
    from ltdsl_runtime.tracking import Tracking
    from ltdsl_runtime.training.callback import Passed
    from ltdsl_runtime.training.epochs.cache import StageCache
    from ltdsl_runtime.training.evaluate import Evaluator, Scores
    from ltdsl_runtime.training.progress import Reporter
    from ltdsl_runtime.training.stages import Stage
    from ltdsl_runtime.tricks.averages import Average
    from ltdsl_runtime.tricks.curriculum import Asked
    from ltdsl_runtime.tricks.registry import Sampling


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
        shared: What the run shares with others; None where it shares nothing.

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
        shared: StageCache | None = None,
    ) -> None:
        self.workers = workers
        self.shared = shared
        self.plan = plan
        self.data = data
        self.run = run
        self.reporter = reporter
        self.options = options or RunOptions()
        root = root or Path()
        begin = None
        if plan.begins is not None:
            begin = run.checkpoint(BEGIN)
            must_be_begun_with(plan, begin)
        self.network = network_to_train(plan, data, root, workers, reporter.say, begin)
        self.evaluate = self._evaluator(plan.confidence_at())
        #: By their names in the recipe: each read once, and before anything is trained.
        self.teachers = {
            name: teacher_at(root / name, plan, data, self.network.part, reporter.say)
            for name in dict.fromkeys(s.teacher.teacher for s in plan.stages if s.teacher)
        }
        #: Of the stage that is trained, where it trains on features; they outlive it as long as the body does.
        self.kept: KeptFeatures | None = None
        #: Of the stage that is trained, where it augments classes as they are known.
        self.curriculum: Curriculum | None = None
        #: Of the stage that is trained, where it averages its weights.
        self.average: Average | None = None
        #: The network's weights, while those of another run are in their place.
        self._untrained: dict[str, NDArray[Any]] | None = None
        self._evaluated_of: StagePlan | None = None
        self.events: Events | None = None
        self.tracking: Tracking | None = None
        self.keeper: Keeper
        self.best: BestEpochs
        self.laps: list[Lap] = []

    def _evaluator(self, confidence: Confidence, corrected: bool = True) -> Evaluator:
        return evaluator(
            self.plan, self.network, self.data, confidence, self.workers, corrected=corrected
        )

    def __call__(self, resume: bool = False) -> dict[str, Any]:
        """Run all stages, then evaluate.

        Args:
            resume: Go on after the last epoch that the run directory has a checkpoint of. Everything random is a
                function of seed and epoch, so the numbers are those of a run without a break.

        Returns:
            What evaluation.json holds.

        Raises:
            RunError: LT404, LT424 or LT431, a stage cannot be trained; LT410, the loss is no longer finite; LT411, a
                checkpoint is damaged and cannot be done without; LT424, something cannot be written.
        """
        names = self.data.train.class_names
        self.keeper = Keeper(self.run, self.plan.digest(), self.network, self.workers, names)
        self.best = BestEpochs(self.plan, self.run, self._warn)
        goes_on = self._goes_on(resume)
        #: Whether the cache is given what the run comes to.
        self.keeps = self.shared is not None and self.workers.first
        so_far = self.keeper.reached(self._warn) if goes_on or self._taken() else Reached()
        if self.keeps and goes_on and self.shared is not None:
            self.keeps = self.shared.marks.is_ours()
            if self.keeps and self.shared.keeps(so_far.done):
                self.shared.keep(so_far.done)  # it may have been about to
        must_be_possible(self.plan, self.data, self.network, self.run, so_far.done)
        so_far.restore(self.network)
        self.best.go_on(so_far.metrics)
        #: Of each epoch done.
        self.metrics = list(so_far.metrics)
        self._stop_where_asked(so_far.done)
        if self.options.tensorboard and self.workers.first:
            with self.run.writing(self.run.path / TENSORBOARD):
                self.events = Events(self.run.path, self.run.facts.started, so_far.metrics)
        try:
            self._train_stages(so_far)
        except BaseException as error:
            # where nothing can be written, that is what is said
            if getattr(error, "code", "") != "LT424":
                self._write_what_was_put_off()
            raise
        if so_far.done == self.plan.epochs:  # evaluated as if it had just been trained
            self.kept = self._kept(self.plan.stages[-1])
        if self.events:
            self.events.close()
        now_at("records")
        figures = self._final_evaluation()
        self._lap()
        return figures

    def _train_stages(self, so_far: Reached) -> None:
        """Train what is left of all stages, from where the run has come."""
        optimizer: nn.Optimizer | None = None
        for index, stage in enumerate(self.plan.stages):
            ended = bool(self.metrics) and self.metrics[-1].ends is not None
            if ended or stage.end <= so_far.done:
                continue
            now_at("start")
            begun = self._begin(index, None if stage.fresh_optimizer else optimizer, so_far)
            optimizer = begun.step.update.optimizer
            self.average = begun.step.average
            more = self.average.statistics if self.average else ()
            self.statistics = shared_statistics(self.network, self.workers, more)
            self._train(index, begun, max(so_far.done, stage.start))

    def _write_what_was_put_off(self) -> None:
        """Write the last whole epoch, where the run is ending before its time."""
        try:
            if self.keeper.flush() and self.keeps and self.shared is not None:
                self.shared.marks.set()
        except RunError as error:  # why it ends comes first
            self.reporter.warn(f"{error.message}: its latest epochs are not kept")

    def _lap(self, epoch: int | None = None) -> None:
        """Note where the time since the last lap went, of a run that is profiled."""
        clock = running()
        if clock is not None:
            parts, beside = clock.lap()
            named = {} if epoch is None else {"epoch": epoch}
            self.laps.append(Lap(parts=parts, beside=beside, **named))
            self.run.profiled(Profile(laps=tuple(self.laps)))

    def _goes_on(self, resume: bool) -> bool:
        """Whether the run has any epoch that it goes on after; one that was interrupted before begins as ever."""
        if resume and self.workers.first:
            forget_half_taken(self.run)
        begun = resume or self.run.facts.from_cache is not None
        if begun and self.shared is not None:
            there = any(self.run.checkpoint(name).exists() for name in ("last", "previous"))
            otherwise = bool(self.run.facts.went_on_otherwise())
            begun = there or bool(self.run.metrics()) or otherwise
        return bool(int(self.workers.first_ones(str(int(begun)))))

    def _taken(self) -> int:
        """How many epochs were taken from the cache; the run's directory is as if it had trained them."""
        if self.shared is None:
            return 0
        epochs = 0
        if self.workers.first:
            found = self.shared.take(self._measured_again if self.workers.size == 1 else None)
            if self._untrained is not None:
                checkpoints.apply(self._untrained, self.network, self.run.path)
                self._untrained, self.kept = None, None
            epochs = 0 if found is None else found.epochs
            if self.shared.missed > epochs:
                whole = counted(self.shared.missed, "epoch")
                self.reporter.say(
                    f"the weights after {whole} are in the cache, but not all that this run would evaluate on the way: "
                    "it trains them; see --cache-evaluated"
                )
            if epochs:
                which = "epoch 0" if epochs == 1 else f"epochs 0-{epochs - 1}"
                self.reporter.say(f"{which} of {self.plan.epochs} taken from the cache")
        return int(self.workers.first_ones(str(epochs)))

    def _measured_again(self, state: Path, stage: StagePlan) -> dict[str, Any]:
        """What the run says of weights that another one has trained, and evaluated otherwise.

        Args:
            state: The checkpoint that has them.
            stage: The stage that they are of.
        """
        if self._untrained is None:
            self.reporter.say("epochs that another run has trained are evaluated as this one does")
            own = self.network.get_parameters()
            self._untrained = {p.name: p.asnumpy().copy() for p in own}
        try:
            checkpoints.apply(as_used(checkpoints.load(state, sealed=True)), self.network, state)
        except RunError as error:
            raise UnusableError(error.message) from error
        same = self.kept is not None and self.kept.body == body_digest(self.network)
        if stage is not self._evaluated_of or not (same or self.kept is None):
            self.kept, self._evaluated_of = self._kept(stage), stage
        return self._measured()

    def _begin(self, index: int, optimizer: nn.Optimizer | None, so_far: Reached) -> Stage:
        """A stage as it is when its first epoch begins, or the epoch that the run goes on with.

        Args:
            index: Its place in the plan.
            optimizer: The one that goes on; None to make it.
            so_far: How far the run has come.
        """
        stage = self.plan.stages[index]
        under_way = stage.start < so_far.done
        if stage.handoff == "best" and not under_way:
            self.keeper.restore(self.best.of_stage(index - 1))
        # before the classifier is drawn anew: it would know nothing of where a class is
        sampling = self._sampling(stage, under_way)
        trained = begin_stage(self.plan, stage, self.network)
        optimizer = self._optimizer(index, trained, optimizer, so_far)
        teacher = self.teachers[stage.teacher.teacher] if stage.teacher else None
        self.kept = kept = self._kept(stage)
        if kept is not None:
            kept.compute_views(so_far.done)
        begun = build_stage(
            self.plan,
            stage,
            self.data,
            kept.head if kept else self.network,
            optimizer,
            teacher,
            sampling,
            self.workers,
            kept.of_view if kept else None,
        )
        if begun.step.transform is not None and self.workers.first:
            self._save_galleries(begun)
        if under_way:
            so_far.restore(self.network)
            so_far.restore(begun.step.update)
        self._go_on_averaging(index, begun, so_far)
        self.curriculum = self._curriculum(begun)
        if self.curriculum is not None:
            self._begin_levels(max(so_far.done, stage.start))
        return begun

    def _curriculum(self, begun: Stage) -> Curriculum | None:
        """What says how strongly a stage's classes are augmented; None where no augmentation asks."""
        source = begun.source
        if not any(entry.follows_classes for entry in begun.plan.augment):
            return None

        # uncorrected: what acts in evaluation does not reach weights
        corrected = self.plan.stages[-1].posthoc is not None
        evaluate = self._evaluator("softmax", False) if corrected else self.evaluate

        def right(asked: Asked) -> NDArray[np.bool_]:
            observed = evaluate(asked).observed
            assert observed is not None
            same: NDArray[np.bool_] = observed.prediction == observed.label
            return same

        found = Curriculum(self.data.train, source.augmentation, self.plan.seed, right)
        source.levels = found.levels
        return found

    def _begin_levels(self, epoch: int) -> None:
        """Find how strongly classes are augmented in an epoch, from the epoch before it."""
        assert self.curriculum is not None
        before = self.metrics[-1].levels if self.metrics else None
        with spent_on("evaluate"):
            self.curriculum.begin(epoch, before)

    def _optimizer(
        self, index: int, trained: list[Parameter], running: nn.Optimizer | None, so_far: Reached
    ) -> nn.Optimizer:
        """A stage's optimizer, which updates what the stage trains: the running one, or one in the state that it has.

        Arguments are those of :meth:`_begin`.
        """
        stages, stage = self.plan.stages, self.plan.stages[index]
        first = self.plan.optimizer_begun(index)
        same = first == index or stages[index - 1].trained == stage.trained
        if running is not None and same:
            return running
        made = optimizer_of(self.plan, index, self.data, self.network, trained)
        if running is not None:
            go_on({p.name: p.asnumpy() for p in running.get_parameters()}, made)
        elif stage.start < so_far.done or (first < index and same):
            so_far.restore(made)
        elif first < index:
            go_on(so_far.saved, made)
        return made

    def _go_on_averaging(self, index: int, begun: Stage, so_far: Reached) -> None:
        """Take up the average of the epochs before, where a stage goes on with one."""
        average, stage = begun.step.average, begun.plan
        if average is None:
            return
        if stage.start < so_far.done:
            so_far.restore(average)
        elif stage.fresh_optimizer:
            return  # it begins at the weights as they are
        elif self.average is not None:
            average.go_on_from(self.average)
        elif stage.start == so_far.done and are_averaged(so_far.saved):
            so_far.restore(average)

    def _kept(self, stage: StagePlan) -> KeptFeatures | None:
        """The features that a stage trains on, of the body as it is; None where it trains on images."""
        if not are_kept(self.plan, stage, self.workers):
            return None
        if not features_fit(stage, self.data, self.network):
            self.reporter.say(
                "features are computed in every epoch: all of them would take too much memory"
            )
            return None
        store = feature_store(self.plan, self.options)
        facts, say = self.run.facts, self.reporter.say
        return KeptFeatures(self.plan, stage, self.data, self.network, facts, store, say, self.kept)

    def _evaluates(self, confidence: Confidence, kept: KeptFeatures | None) -> Evaluator:
        """What tells how the network as it is does on a part.

        Args:
            confidence: What turns logits into the probability of a prediction.
            kept: Features of the images under the network's body; None to ask the whole network.
        """
        if kept is not None:
            return kept.evaluator(confidence)
        same = confidence == self.plan.confidence_at()
        return self.evaluate if same else self._evaluator(confidence)

    def _sampling(self, stage: StagePlan, under_way: bool) -> Sampling:
        """What a stage's sampler does; one that needs weights looks at those that the stage started from."""
        network = self.network
        if stage.sampler.needs_weights:
            start = self.run.checkpoint(f"{stage.name}-start")
            if under_way:
                self.keeper.restore(start)
            else:
                self.keeper.save_network(start)
            if network.part is not None:  # of all classes
                self.keeper.written()
                network = network_at(start, self.plan, self.data)
        return build_sampling(stage.sampler, network, self.data)

    def _save_galleries(self, stage: Stage) -> None:
        """Pictures of a stage with `cam_bs`: a few for the report, and those that were asked for."""
        names = self.data.train.class_names
        self.run.picture(*gallery(stage, names, report=True))
        if self.options.keep_cam:
            save_gallery(self.options.keep_cam, *gallery(stage, names))

    def _warn(self, message: str) -> None:
        """Tell of a loss, and record it: the numbers may no longer be those of a run without a break."""
        self.keeps = False
        self.reporter.warn(message)
        self.run.note(warnings=[*self.run.facts.warnings, message])

    def _train(self, index: int, stage: Stage, done: int) -> None:
        """Train one stage to its end, from the epoch after the first ``done`` of the run."""
        self.reporter.stage(stage.plan.name)
        stage.source.start_batch = (done - stage.plan.start) * stage.source.steps
        dataset = training_dataset(stage.source)
        ended = partial(self.finish_epoch, index, stage)
        callbacks = [Epochs(stage, done, self.reporter.step, ended)]
        stage.step.set_train(True)
        now_at("wait")
        with own_errors(dataset), those_who_left(), self.curriculum or contextlib.nullcontext():
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

    def finish_epoch(self, index: int, stage: Stage, epoch: int, passed: Passed) -> bool:
        """Evaluate where the plan says so, save and record, as an epoch ends.

        Args:
            index: The stage's place in the plan.
            stage: The stage.
            epoch: The epoch's number, from 0.
            passed: How its steps have passed.

        Returns:
            Whether the run ends with it, whatever its plan says.

        Raises:
            RunError: LT410, the loss or a weight is not finite; the checkpoints are those of the epoch before.
        """
        last = self.run.checkpoint("last")
        # by name: an optimizer's parameters include the weights that it updates
        holders = (self.network, stage.step.update, *filter(None, (stage.step.average,)))
        parameters = {p.name: p for cell in holders for p in cell.get_parameters()}.values()
        with spent_on("checkpoint"):
            must_be_finite(stage, epoch, passed, parameters, self.workers, last)
        if self.statistics is not None:
            self.statistics()
        record = self._recorded(stage.plan, epoch, passed)
        self.metrics.append(record)
        facts = {"epoch": epoch, "stage": stage.plan.name}
        with spent_on("checkpoint"):
            whole = self.keeper.whole(parameters)
            improved = self.best.improved(index, record)
            for path in improved:
                self.keeper.save(path, whole, **facts)
        with spent_on("records"):
            self.run.record(record)
        with spent_on("checkpoint"):
            # last of all: a run that is resumed goes on from here, and repeats whatever was written of a later epoch
            shared = self.shared if self.keeps else None
            kept = shared is not None and shared.keeps(epoch + 1)
            ends = record.ends is not None or epoch + 1 == stage.plan.end
            written = self.keeper.save_last(whole, bool(improved) or kept or ends, **facts)
            if shared is not None and written:
                shared.marks.set()
                if kept:
                    shared.keep(epoch + 1)
        with spent_on("records"):
            if self.events:
                self.events.add(record)
            if self.tracking:
                self.tracking.epoch(record)
            self.reporter.epoch(record)
        self._lap(epoch)
        self._stop_where_asked(epoch + 1)
        if self.curriculum is not None and record.ends is None and epoch + 1 < stage.plan.end:
            self._begin_levels(epoch + 1)
        return record.ends is not None

    def _stop_where_asked(self, done: int) -> None:
        """Stop where so many epochs are enough for now; of a run that is whole, nothing is left out."""
        asked = self.options.stop_after
        ended = self.metrics and self.metrics[-1].ends
        if asked is not None and asked <= done < self.plan.epochs and not ended:
            raise StoppedAsAsked(done)

    def _recorded(self, stage: StagePlan, epoch: int, passed: Passed) -> Epoch:
        """What is known of an epoch."""
        figures = self._measured() if self.plan.evaluates(epoch) else {}
        if self.curriculum is not None:
            figures["levels"] = tuple(self.curriculum.levels(epoch).tolist())
        record = Epoch(
            epoch=epoch,
            stage=stage.name,
            loss=passed.loss,
            lr=stage.rate(epoch),
            seconds=passed.seconds,
            skipped=passed.skipped,
            **figures,
        )
        early = ends_early(self.plan, [*self.metrics, record])
        return record.model_copy(update={"ends": EARLY}) if early else record

    def _measured(self) -> dict[str, Any]:
        """Evaluate the network as it is, or its average."""
        measured_on = self.plan.best_on or "test"
        evaluate = self._evaluates(self.plan.confidence_at(), self.kept)
        with self.average.in_place() if self.average else contextlib.nullcontext():
            fit_prior(evaluate, self.plan, self.data.validation)
            scores = evaluate(getattr(self.data, measured_on))
        return {
            "top1_error": scores.top1_error,
            "macro_recall": scores.macro_recall,
            "measured_on": measured_on,
        }

    def _final_evaluation(self) -> dict[str, Any]:
        """Evaluate the last and the best epoch on the test part, each as confident as its loss has learned to be."""
        names = self.data.test.class_names
        result: dict[str, Any] = {"best_on": self.plan.best_on, "best_by": self.plan.best_by}
        result["test_images"] = len(self.data.test)
        kept: tuple[Checkpoint, ...] = ("last", "best") if self.plan.best_on else ("last",)
        for which in kept:
            path = self.run.checkpoint(which)
            saved = self.keeper.restore(path)
            epoch = epoch_of(saved, path)
            same = self.kept is not None and self.kept.body == body_digest(self.network)
            evaluate = self._evaluates(self.plan.confidence_at(epoch), self.kept if same else None)
            to = fitted(evaluate, self.plan, self.data.validation)
            scores, told = judged(evaluate, self.data.test, to)
            figures = scores.report(self.data.counts, names)
            averaged = weights_told(are_averaged(saved))
            result[which] = {"epoch": epoch, **averaged, **told, **figures}
            self._keep(scores, which, "test", epoch)
            if self.data.validation is not None:
                held = evaluate(self.data.validation, logits=True)
                self._keep(held, which, "validation", epoch)
        evaluation = Evaluation.model_validate(result)
        self.run.evaluated(evaluation)
        return evaluation.as_data()

    def _keep(self, scores: Scores, which: Checkpoint, part: PartName, epoch: int) -> None:
        """Write what was predicted for each image of a part."""
        about = described(self.plan, scores, which, part, epoch, self.data.fingerprint[part])
        self.run.predicted(**about)
