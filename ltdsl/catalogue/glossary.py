"""The field's words that are no names here, each with what to write instead.

Papers, toolboxes and other libraries call things otherwise than recipes do. Whoever writes such a word is not
misspelling a name: the nearest name may be another method. So none of these words is ever taken for a slip.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple


class Word(NamedTuple):
    """A word of the field.

    Attributes:
        what: What it means, a few words.
        name: What it is called here, where only the name differs.
        write: A line of a recipe that says the same.
        use: Where there is none of it: a line that comes nearest.
        option: Where a recipe does not say it: the command's option.
        address: What ``--set`` calls it, where it is a value.
    """

    what: str
    name: str = ""
    write: str = ""
    use: str = ""
    option: str = ""
    address: str = ""

    @property
    def answer(self) -> str:
        """What to do, as a help says it."""
        if self.name:
            return f"it is called `{self.name}` here"
        if self.write:
            return f"write `{self.write}`"
        if self.option:
            return f"a recipe does not say it; use `{self.option}`"
        return f"there is none; use `{self.use}`" if self.use else "leave it out"


def _table(rows: Iterable[tuple[str, Word]]) -> dict[str, Word]:
    return {word: row for words, row in rows for word in words.split()}


_LOSSES = (
    (
        "cross_entropy crossentropy cross_entropy_loss softmax_ce softmax_cross_entropy",
        Word("cross entropy", name="ce"),
    ),
    (
        "weighted_ce weighted_cross_entropy wce class_weights class_weight reweighting re_weighting",
        Word("cross entropy weighted by inverse class frequency", name="cs_ce"),
    ),
    (
        "bce binary_cross_entropy bce_loss sigmoid_ce",
        Word("a binary cross entropy for each class", write="stage1: focal(gamma = 0)"),
    ),
    (
        "cs_bce weighted_bce",
        Word(
            "binary cross entropies weighted by inverse class frequency",
            write="stage1: focal(gamma = 0, cost_sensitive = true)",
        ),
    ),
    (
        "cb_bce",
        Word(
            "binary cross entropies weighted by effective numbers",
            write="stage1: cb_focal(gamma = 0)",
        ),
    ),
    (
        "cb_loss class_balanced_loss cb_softmax effective_number",
        Word("weights by effective numbers of images", name="cb_ce"),
    ),
    ("cs_focal", Word("focal loss, weighted", write="stage1: focal(cost_sensitive = true)")),
    ("focal_loss sigmoid_focal", Word("focal loss", name="focal")),
    (
        "bsce bs_ce balanced_softmax_loss balanced_softmax_ce",
        Word("balanced softmax", name="balanced_softmax"),
    ),
    (
        "bs",
        Word(
            "balanced softmax, or the batch size",
            write="batch_size = 64; stage1: balanced_softmax",
            address="batch_size",
        ),
    ),
    (
        "la la_loss logit_adjusted logit_adjust",
        Word("logit adjustment in training", name="logit_adjustment"),
    ),
    (
        "vs_loss vector_scaling",
        Word("vector scaling, additive and multiplicative", name="vs"),
    ),
    ("gcl_loss gaussian_clouded gclloss", Word("Gaussian clouded logit adjustment", name="gcl")),
    (
        "los over_smoothing label_over_smooth",
        Word("label over-smoothing", name="label_over_smoothing"),
    ),
    ("ldam_loss", Word("label-distribution-aware margins", name="ldam")),
    (
        "ldam_drw",
        Word(
            "LDAM with deferred re-weighting",
            write="stage1: ldam; stage2: ldam(beta = 0.9999) @ 80%",
        ),
    ),
    (
        "eql eqlv2 softmax_eql equalization_loss",
        Word("equalization loss; here its softmax form", use="stage1: seql"),
    ),
    ("ib ib_loss", Word("influence-balanced loss", name="influence_balanced")),
    ("ib_focal ibfl", Word("influence-balanced focal loss", use="stage1: influence_balanced")),
    ("ls label_smooth smoothing", Word("label smoothing", name="label_smoothing")),
    ("las", Word("label-aware smoothing", name="label_aware_smoothing")),
    ("poly_loss gce sce mse", Word("a loss of its own", use="stage1: ce")),
    (
        "loss criterion loss_fn loss_function",
        Word("a stage names its loss among its tricks", write="stage1: ce"),
    ),
)

_SAMPLING = (
    (
        "drs deferred_resampling deferred_re_sampling",
        Word(
            "deferred re-sampling, a sampler late in training", write="stage2: class_balanced @ 80%"
        ),
    ),
    (
        "drw deferred_reweighting deferred_re_weighting",
        Word(
            "deferred re-weighting, a weighted loss late in training", write="stage2: cb_ce @ 80%"
        ),
    ),
    (
        "oversampling oversample over_sample random_over_sampling ros",
        Word("images of rare classes repeated", name="over_sampling"),
    ),
    (
        "undersampling undersample under_sample random_under_sampling rus",
        Word("images of frequent classes dropped", name="under_sampling"),
    ),
    (
        "class_aware class_aware_sampling balanced_sampling balanced_sampler balanced resampling "
        "re_sampling weighted_random_sampler weighted_sampler",
        Word("every class drawn equally often", name="class_balanced"),
    ),
    ("sqrt sqrt_sampling", Word("square-root sampling", name="square_root")),
    ("progressively_balanced pb_sampling", Word("progressive sampling", name="progressive")),
    (
        "instance instance_sampling uniform shuffle random",
        Word("every image once an epoch", name="instance_balanced"),
    ),
    ("sampler", Word("a stage names its sampler among its tricks", write="stage1: class_balanced")),
    ("smote adasyn", Word("synthetic images of rare classes", use="stage1: over_sampling")),
)

_TRICKS = (
    (
        "shifted_batch_norm shift_bn shift_learning",
        Word(
            "batch norms that move on with balanced draws while the classifier is trained",
            write="stage2: class_balanced + crt(statistics = running) @ 80% { optimizer = sgd(lr = 0.1) }",
        ),
    ),
    ("mixup mix_up", Word("mixup of images", name="input_mixup")),
    ("mixer", Word("a stage names its mixer among its tricks", write="stage1: input_mixup")),
    (
        "puzzlemix resizemix fmix saliencymix augmix",
        Word("a mixer of its own", use="stage1: cutmix"),
    ),
    (
        "decoupling decouple decoupled two_stage classifier_retraining",
        Word(
            "the classifier trained again, alone",
            write="stage2: class_balanced + crt @ 80% { optimizer = sgd(lr = 0.1) }",
        ),
    ),
    ("learnable_weight_scaling", Word("factors of the classes, learned", name="lws")),
    ("tau tau_normalization tau_normalized", Word("class weights of equal norms", name="tau_norm")),
    ("ncm", Word("nearest class mean", use="stage1: tau_norm")),
    (
        "posthoc_la la_posthoc plc",
        Word("logits adjusted in evaluation", name="posthoc_logit_adjustment"),
    ),
    (
        "post_hoc",
        Word(
            "the last stage names its correction of logits among its tricks",
            write="stage1: ce + posthoc_logit_adjustment",
        ),
    ),
    ("cuda_ltr curriculum", Word("strength by class", write="augment = [class_strength]")),
    ("etf fixed_etf etf_classifier", Word("fixed class weights", name="simplex_etf")),
    ("p2p p2p_ce p2p_la", Word("the prior that a model has learned", name="prior2posterior")),
    (
        "kd knowledge_distillation distillation distill",
        Word("a teacher's predictions", write='stage1: ce + dive(teacher = "teacher.ckpt")'),
    ),
    (
        "ride sade tade paco gpaco bcl ncl kcl tsc mislas lade bagtricks bag_of_tricks metasaug "
        "meta_weight_net meta_sampler balms",
        Word("a published method of its own", use="stage1: input_mixup; stage2: cb_ce @ 80%"),
    ),
)

_OPTIMIZERS = (
    (
        "nadam radam adamax amsgrad adabelief adan lamb lion adafactor rmsprop adagrad adadelta",
        Word("an optimizer of its own", use="optimizer = adam(lr = 0.001)"),
    ),
    (
        "lars asgd rprop lbfgs asam lookahead sgdw muon",
        Word("an optimizer of its own", use="optimizer = sgd(lr = 0.1)"),
    ),
    ("nag", Word("momentum as Nesterov's", write="optimizer = sgd(nesterov = true)")),
    (
        "lr learning_rate base_lr initial_lr init_lr",
        Word("the learning rate", write="optimizer = sgd(lr = 0.1)", address="optimizer.lr"),
    ),
    (
        "weight_decay wd l2 l2_reg",
        Word(
            "weight decay",
            write="optimizer = sgd(weight_decay = 0.0005)",
            address="optimizer.weight_decay",
        ),
    ),
    (
        "momentum",
        Word("momentum", write="optimizer = sgd(momentum = 0.9)", address="optimizer.momentum"),
    ),
    ("opt optim", Word("the optimizer", name="optimizer")),
)

_SCHEDULES = (
    (
        "cosine_annealing cosine_annealing_lr cosine_lr cosine_decay",
        Word("half a cosine", name="cosine"),
    ),
    (
        "step_lr multistep_lr multi_step piecewise",
        Word(
            "drops at milestones",
            write="schedule = multistep(milestones = [80%, 90%], gamma = 0.1)",
        ),
    ),
    (
        "poly polynomial linear one_cycle onecycle exponential_lr plateau reduce_on_plateau "
        "warm_restarts sgdr",
        Word("a schedule of its own", use="schedule = cosine"),
    ),
    (
        "milestones lr_steps steps step_size decay_epochs",
        Word(
            "when the rate drops",
            write="schedule = multistep(milestones = [80%, 90%])",
            address="schedule.milestones",
        ),
    ),
    (
        "gamma lr_decay decay_rate",
        Word(
            "the factor of a drop",
            write="schedule = multistep(milestones = [80%, 90%], gamma = 0.1)",
            address="schedule.gamma",
        ),
    ),
    (
        "warmup warm_up warmup_epochs",
        Word(
            "epochs in which the rate climbs",
            write="schedule = multistep(milestones = [80%, 90%], warmup = 5)",
            address="schedule.warmup",
        ),
    ),
    ("lr_scheduler scheduler lr_schedule", Word("the schedule", name="schedule")),
)

_MODELS = (
    *(
        (word, Word("a model of mindcv", write=f'model = mindcv(name = "{name}")'))
        for word, name in {
            "resnet18": "resnet18",
            "resnet34": "resnet34",
            "resnet101": "resnet101",
            "resnet152": "resnet152",
            "resnext50 resnext50_32x4d": "resnext50_32x4d",
            "resnext101": "resnext101_32x4d",
            "convnext": "convnext_tiny",
            "densenet": "densenet121",
            "efficientnet": "efficientnet_b0",
            "mobilenet mobilenet_v3": "mobilenet_v3_small_100",
        }.items()
    ),
    (
        "resnet44 resnet56 resnet110 wide_resnet wrn",
        Word("another network for small images", use="model = resnet32"),
    ),
    ("resnet", Word("residual networks, by their layers", write="model = resnet32")),
    (
        "vit vit_b vit_b_16 deit swin transformer clip vgg16 inception",
        Word("a network of another kind", use="model = resnet50"),
    ),
    ("backbone arch architecture network net encoder", Word("the network", name="model")),
    (
        "pretrained weights load_from pretrained_weights checkpoint ckpt",
        Word("weights to start from", write='init = "weights.ckpt"'),
    ),
    (
        "dropout drop_path",
        Word("regularisation of layers", use="optimizer = sgd(weight_decay = 0.0005)"),
    ),
)

_DATA = (
    (
        "cifar10 cifar_10",
        Word("what cifar10_lt is made of", write="dataset = cifar10_lt(imbalance = 100)"),
    ),
    (
        "cifar100 cifar_100",
        Word("what cifar100_lt is made of", write="dataset = cifar100_lt(imbalance = 100)"),
    ),
    ("imagenet ilsvrc2012", Word("ImageNet, balanced", use="dataset = imagenet_lt")),
    ("inat inaturalist inat2018 inaturalist18", Word("iNaturalist 2018", name="inat18")),
    (
        "places_lt places",
        Word("Places-LT", write='dataset = annotations(train = "Places_LT_train.txt")'),
    ),
    ("mnist digits fashion_mnist", Word("small grey images", use="dataset = digits_lt")),
    ("folder dataset_folder", Word("one folder a class", name="image_folder")),
    ("csv txt coco list_file", Word("images that lists name", name="annotations")),
    (
        "imbalance imbalance_factor imbalance_ratio imb_factor ir rho",
        Word(
            "images of the largest class for each of the smallest",
            write="dataset = cifar10_lt(imbalance = 100)",
            address="dataset.imbalance",
        ),
    ),
    (
        "augmentation aug data_augmentation transforms transform",
        Word("random changes of images", name="augment"),
    ),
    ("flip horizontal_flip random_flip hflip", Word("mirroring", name="random_horizontal_flip")),
    ("crop", Word("cutting a window", name="random_crop")),
    ("randaugment randaug rand_aug", Word("RandAugment", name="rand_augment")),
    ("autoaugment autoaug auto_aug", Word("AutoAugment", name="auto_augment")),
    ("trivialaugment trivial_augment_wide", Word("TrivialAugment", name="trivial_augment")),
    ("rotation rotate", Word("turning by a random angle", name="random_rotation")),
    ("erasing random_erase", Word("covering a rectangle", name="random_erasing")),
    (
        "val_split val_ratio val validation_split dev_split",
        Word("images held out of training", name="validation"),
    ),
    (
        "data_dir data_path data_root data root image_dir",
        Word("where the images are", option="ltdsl run recipe.lt --data DIR"),
    ),
)

_TRAINING = (
    ("num_epochs n_epochs max_epochs total_epochs", Word("epochs of the run", name="epochs")),
    (
        "train_batch_size batch samples_per_gpu per_device_batch_size",
        Word("images of a step", name="batch_size"),
    ),
    ("random_seed manual_seed", Word("seed of everything random", name="seed")),
    (
        "amp fp16 half mixed_precision autocast",
        Word("half precision", write="precision = fp16", address="precision"),
    ),
    (
        "grad_clip clip_grad gradient_clipping clip_grad_norm max_grad_norm clip",
        Word("a bound on gradients", name="clip_norm"),
    ),
    (
        "accumulation gradient_accumulation gradient_accumulation_steps accumulate_steps "
        "accumulate_grad_batches",
        Word("parts of a step", name="accumulate"),
    ),
    (
        "patience early_stop early_stopping_patience",
        Word("epochs without a better one that end a run", name="early_stopping"),
    ),
    ("min_delta", Word("how much counts as better: anything does")),
    (
        "save_best monitor metric eval_metric",
        Word(
            "the figure that chooses the best epoch",
            write="validation = 0.1; best_by = macro_recall",
        ),
    ),
    (
        "sharpness_aware sharpness_aware_minimization use_sam",
        Word(
            "gradients from where the loss is highest nearby", write="sharpness = sam(rho = 0.05)"
        ),
    ),
    (
        "freeze freeze_backbone freeze_body frozen frozen_body linear_probe linear_probing feature_extraction",
        Word("only the classifier learns", write="body = frozen"),
    ),
    (
        "backbone_lr lr_mult backbone_lr_mult lr_backbone discriminative_lr layer_decay fine_tune finetune "
        "fine_tuning finetuning",
        Word("published weights that learn more slowly than the classifier", write="body_lr = 0.1"),
    ),
    (
        "freeze_bn bn_frozen norm_eval frozen_bn freeze_norm",
        Word("batch norms that keep their statistics", write="batch_norm = frozen"),
    ),
    (
        "maxnorm weight_balancing",
        Word("class weights no longer than a limit", write="constraint = max_norm(threshold = 1)"),
    ),
    (
        "eval_every eval_interval eval_freq val_interval val_freq validate_every "
        "check_val_every_n_epoch",
        Word("epochs between evaluations", name="evaluate_every"),
    ),
    ("model_ema swa", Word("averaged weights", write="average = ema(decay = 0.999)")),
    (
        "at from after since start_epoch at_epoch from_epoch after_epoch",
        Word("when a stage starts", write="stage2: cs_ce @ epoch 160"),
    ),
    ("end_epoch until", Word("a stage ends where the next starts", write="stage2: ce @ epoch 160")),
    (
        "num_workers n_workers",
        Word("images are read by as many threads as there are processors"),
    ),
    (
        "gpus num_gpus n_gpus world_size nproc_per_node devices workers",
        Word("cards that share a run", option="ltdsl run recipe.lt --workers N"),
    ),
    ("device gpu cuda", Word("what computes", option="ltdsl run recipe.lt --device gpu")),
    (
        "output output_dir save_dir log_dir work_dir exp_name",
        Word("where results go", option="ltdsl run recipe.lt --out DIR"),
    ),
    (
        "resume resume_from auto_resume",
        Word("going on with a run", option="ltdsl run --resume RUN"),
    ),
)

GLOSSARY: dict[str, Word] = _table(
    (
        *_LOSSES,
        *_SAMPLING,
        *_TRICKS,
        *_OPTIMIZERS,
        *_SCHEDULES,
        *_MODELS,
        *_DATA,
        *_TRAINING,
    )
)
"""Every word. A test asserts that none is a name of the catalogue, and that every line is a recipe's."""


@cache
def _folded() -> dict[str, Word]:
    return {word.replace("_", ""): row for word, row in GLOSSARY.items()}


def look_up(word: str) -> Word | None:
    """What a word of the field means, however its parts are joined; None for other words."""
    return _folded().get(word.lower().replace("_", "").replace("-", "").replace(" ", ""))
