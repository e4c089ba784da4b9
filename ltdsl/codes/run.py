"""LT4xx: what stops a run, a prediction or an export."""

from __future__ import annotations

from ltdsl.codes.entry import entry
from ltdsl.diagnostics import Code

RUN: dict[str, Code] = {
    "LT401": entry(
        "data missing",
        """The folder given by `--data` does not hold the files that the data set needs.""",
        says="""error[LT401]: photos/lynx/007.jpg is missing
  = help: was it moved or renamed?""",
    ),
    "LT402": entry(
        "data damaged",
        """A file is there but is truncated, unreadable, or not what it should be.""",
        says="""error[LT402]: photos/lynx/007.jpg cannot be read: image file is truncated
  = help: replace it, or train without it: ltdsl run --skip-unreadable""",
    ),
    "LT403": entry(
        "other data",
        """The data do not have the class counts that the plan was made for, or are not the images that a run was begun
        with: their fingerprints differ. `ltdsl eval --other-data` takes other test images all the same.""",
        says="""error[LT403]: these are not the test images that runs/a was begun with
  = help: name the same --data, or allow others with --other-data""",
    ),
    "LT404": entry(
        "less than one batch",
        """An epoch has fewer images than a batch, and only full batches are trained.""",
        says="""error[LT404]: the training part has 453 images, fewer than one batch of 512
  = help: begin a run with a lower batch_size""",
    ),
    "LT405": entry(
        "data not read",
        """Something lies in the data set's folder, or stands in its lists, that is not used: images in no class folder,
        folders beside those of the parts, files whose names are no images', a part without classes, categories
        without an image. What is trained on is the rest.""",
        says="""warning[LT405]: not read: 7 images right in train, in no class folder, such as train/000.jpg
  = help: put them into the folders of their classes, or take them away""",
    ),
    "LT406": entry(
        "one image in two places",
        """A list names an image twice, two parts have images or groups in common, or there are copies of an image under
        other names: figures on them say nothing about images that are new. Where a part is drawn, an image or a group
        comes into one part only. `run`, `check --data` and `data inspect` look for copies: files are told apart by
        their sizes and their ends, and only those that are alike so far are read. In a published data set, only
        `data inspect` looks for them.""",
        says="""warning[LT406]: 12 images are both trained on and in the test part: a/1.jpg, a/2.jpg and 10 more
  = help: take them out of one of the two lists: figures on them say nothing about new images""",
    ),
    "LT407": entry(
        "classes not certain",
        """Two parts, or a checkpoint and the data, may mean different classes by the same number: nothing but the
        number says which is which. Classes are matched by name wherever there are names.""",
        says="""warning[LT407]: nothing but their numbers says which classes of the test list are which of the training
list: folders are called a and b here and c and d there
  = help: make sure that both number them alike, or write names in place of numbers""",
    ),
    "LT408": entry(
        "validation part",
        """The validation part, which chooses the best epoch, has no image of some classes; or the data bring one of
        their own, which is used in place of a share of the training images.""",
        says="""warning[LT408]: the validation part has 3 images, and none of 7 of 10 classes: 3, 4, 5, 6, 7 and 2 more
  = help: a larger `validation`, or more images, would let them have a say in what is best""",
    ),
    "LT410": entry(
        "loss not finite",
        """The loss, or a weight, became infinite or NaN. The run stops before anything is evaluated or saved with it:
        its checkpoints are those of the epoch before.""",
    ),
    "LT411": entry(
        "checkpoint unusable", """A checkpoint is missing, damaged, or no MindSpore checkpoint."""
    ),
    "LT412": entry(
        "checkpoint of another model",
        """The checkpoint's weights do not fit the recipe's model.""",
        says="error[LT412]: runs/a/checkpoints/last.ckpt was written by a run of another plan",
    ),
    "LT413": entry(
        "no such run or checkpoint",
        """A folder holds no run, its files do not belong together, or it has not got as far as the checkpoint that was
        asked for. What is read there is checked as a stranger's data: nothing in it is executed.""",
        says="""error[LT413]: runs/a has no best checkpoint
  = help: nothing chose a best epoch: the recipe holds no validation part out""",
    ),
    "LT414": entry(
        "other classes",
        """Data that a run is to be evaluated on have other classes, or images of another size, than its model.""",
        says="error[LT414]: class 3 is called `cat` where the model was trained, and `lynx` in the data",
    ),
    "LT415": entry(
        "no images",
        """A folder or a pattern that `ltdsl predict` was given stands for no image.""",
        says="error[LT415]: no image in photos",
    ),
    "LT416": entry(
        "nothing to try on",
        """`ltdsl eval --set posthoc=…` and `--prior` work on the logits that a run keeps of its images. They are not
        there, or what is asked for does not suit the run: a correction of the prior after a loss that has corrected it,
        a file of another length.""",
        says="error[LT416]: runs/a keeps no predictions of its best epoch",
    ),
    "LT417": entry(
        "part of a run lost",
        """A run that is resumed finds a file damaged or gone. It goes on, from the checkpoint of the epoch before where
        that is whole; the warning says what is lost. Warnings are kept in `run.json`.""",
        says="""warning[LT417]: runs/a/checkpoints/last.ckpt is no MindSpore checkpoint, or a damaged one: the run goes
on from the checkpoint before, after epoch 41""",
    ),
    "LT418": entry(
        "gone on with otherwise",
        """A run is gone on with by other versions of packages, on another device or processor, with other kernels, or
        with another number of threads or workers than before. Its numbers may differ from those of a run without a
        break. `run.json` keeps what each part was trained with, and reports say it.""",
        says="""warning[LT418]: the run goes on with mindspore 2.10.0 instead of 2.9.0: its numbers may differ from
those of a run without a break""",
    ),
    "LT420": entry(
        "no such device",
        """This machine, or this build of MindSpore, has no device of the kind asked for.""",
        says="""error[LT420]: --device gpu: MindSpore 2.10.0 finds no GPU here
  = help: use --device cpu, or install the MindSpore build and drivers for this device""",
    ),
    "LT421": entry(
        "run directory unusable",
        """A run needs an empty folder that it can write to.""",
        says="""error[LT421]: runs/a holds files already
  = help: a run starts in a folder of its own: choose another with --out""",
    ),
    "LT422": entry(
        "nothing to resume",
        """`--resume` takes the folder of a run that was begun by this version and did not finish.""",
        says="""error[LT422]: runs/a holds no run that can be resumed
  = help: check the path""",
    ),
    "LT423": entry(
        "run directory in use",
        """Another process trains in the folder. The lock ends with that process, however it ends.""",
        says="""error[LT423]: runs/a is in use by process 4711 on node3
  = help: wait until it ends, or stop it; or choose another folder with --out""",
    ),
    "LT424": entry(
        "cannot write",
        """A result or a checkpoint cannot be written: no space, a quota, no permission, or the folder is gone. The run
        stops, and what was written before is whole. Once there is space, `ltdsl run --resume` goes on exactly.""",
        says="""error[LT424]: cannot write runs/a/checkpoints/last.ckpt: No space left on device
  = help: free space, then go on with: ltdsl run --resume runs/a""",
    ),
    "LT425": entry(
        "batch unreadable",
        """The system did not let a batch be read while a run was under way: a disk that is gone, no memory. What was
        trained up to the epoch before is kept, and `ltdsl run --resume` goes on exactly.""",
        says="""error[LT425]: a batch cannot be read: Input/output error: photos/lynx/007.jpg
  = help: once that is put right, go on with: ltdsl run --resume""",
    ),
    "LT426": entry(
        "run directory damaged",
        """`run.json` or `plan.json` of a run is missing, cannot be read, or was edited: the run cannot go on as it was
        begun.""",
        says="""error[LT426]: runs/a/run.json is unreadable or damaged
  = help: the run cannot go on: begin it anew""",
    ),
    "LT427": entry(
        "number format not supported",
        """The device does not compute in the recipe's `precision`.""",
        says="""error[LT427]: MindSpore's convolutions on a CPU do not compute in bf16
  = help: use --set precision=fp16 or fp32, or another --device""",
    ),
    "LT428": entry(
        "native kernels cannot be built",
        """Kernels for a CPU come with the package `ltdsl-kernels`, or are compiled for the machine when they are used
        first, and kept in the user's cache. That takes a C compiler, gcc or clang, on Linux. On x86-64 they need
        AVX2 and FMA of the processor. Where it cannot be done,
        `--device cpu` trains on MindSpore's own kernels and says so; `--device cpu-native` is refused.""",
        says="""error[LT428]: the native kernels need a C compiler, and there is no `cc`
  = help: install one, name it with the environment variable CC, or use --device cpu""",
    ),
    "LT429": entry(
        "no state to begin with",
        """`--from` names an epoch of a run whose state nobody has kept. A run keeps that of its last and its best
        epochs, and the cache those at the ends of stages, as long as it has room.""",
        says="""error[LT429]: nobody has kept the state of runs/a after epoch 79
  = help: its own checkpoints are of the epochs 151, 199""",
    ),
    "LT430": entry(
        "package missing",
        """A command, the recipe, or a format to export to needs packages that are not installed. `pip install ltdsl`
        brings what checking recipes takes; the message says what to type for more. MindSpore is there for Python 3.10
        to 3.12.""",
        says='error[LT430]: `ltdsl run` needs MindSpore: pip install "ltdsl[train]"',
    ),
    "LT431": entry(
        "model unusable",
        """The package has no such model, or it has no feature maps or classifier; or too few
        features for `simplex_etf`, which needs one fewer than there are classes.""",
        says="error[LT431]: mindcv has no model `resnet51`",
    ),
    "LT432": entry(
        "cannot write the export",
        """The file is there already, or its folder is missing, full or not writable. What was there is untouched.""",
        says="""error[LT432]: model.onnx is there already
  = help: choose another name with --out, or --force""",
    ),
    "LT433": entry(
        "cannot export",
        """The format cannot hold the network: MindSpore knows no ONNX form of one of its operations, or the file, read
        back, computes something else. Nothing is written. MindIR holds every network.""",
        says="error[LT433]: MindSpore cannot write this network: Can not find key HSwish in convert map",
    ),
    "LT434": entry(
        "plug-in unusable",
        """A plug-in declares a name, and nothing implements it, or its code cannot be loaded. Whoever wrote the package
        has to mend it; `ltdsl plugins list` shows what is there.""",
        says="error[LT434]: nothing implements `prior_shift`, of the plug-in ltdsl-prior-shift 0.1.0",
    ),
    "LT440": entry(
        "download failed",
        """The server cannot be reached, refuses, or breaks off. What has come is kept, and the same command goes on
        with it.""",
        says="""error[LT440]: https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz cannot be downloaded: timed out
  = help: check the network, or name a mirror with --from; what has come is kept and gone on with""",
    ),
    "LT441": entry(
        "other checksum than published",
        """What was downloaded is not what the data set's authors published. It is removed.""",
    ),
    "LT442": entry(
        "archive refused",
        """An archive is damaged, reaches outside its folder, or holds links or devices, which no data set needs.
        Nothing of it is kept.""",
        says="error[LT442]: cifar-10-binary.tar.gz is refused: '../x' would be extracted to '/x', which is outside",
    ),
    "LT443": entry(
        "data set behind a registration",
        """The authors give the data to those who register; the help says where, and what to do with it.""",
    ),
    "LT444": entry(
        "download cannot be written",
        """The folder is read-only, or the disk is full.""",
        says="""error[LT444]: /data cannot be written to: No space left on device
  = help: free space or choose another folder with --to""",
    ),
    "LT450": entry(
        "no run to report on",
        """`ltdsl report` takes folders that `ltdsl run` filled, or folders of such folders.""",
        says="""error[LT450]: runs/frist is no run directory: there is no such folder
  = help: name the folder that `ltdsl run` filled""",
    ),
    "LT451": entry(
        "report not written",
        """The page cannot be written where it should go: the place is not writable, or holds another kind of file.""",
        says="""error[LT451]: cannot write reports/first.html: No such file or directory
  = help: choose another file with --out""",
    ),
    "LT460": entry(
        "value missing",
        """In a sweep, `--set` takes a list of values with commas between them, and none may be empty. A comma in
        brackets, or in a text in quotes, belongs to a value.""",
        says="error[LT460]: a value is missing beside a comma",
    ),
    "LT461": entry(
        "values in two lists",
        """In a sweep, all values of a setting stand in one list.""",
        says="error[LT461]: `dataset.imbalance` is set more than once",
    ),
    "LT462": entry(
        "sweep's folder unusable",
        """The folder of a sweep cannot be written to. What is in it is as it was.""",
        says="error[LT462]: sweeps/recipe: Read-only file system",
    ),
    "LT463": entry(
        "no cluster",
        """No Dask scheduler answers at the address, or it cannot be talked to.""",
        says="error[LT463]: no scheduler answers at tcp://10.0.0.1:8786",
    ),
    "LT464": entry(
        "different images",
        """Runs of a sweep that should have had the same images had others: their figures cannot be compared. The
        folder given by `--data` has changed, or is not the same on all machines.""",
        says="error[LT464]: `a=1` and `a=2` were trained on different images",
    ),
    "LT465": entry(
        "a run's process died",
        """The process of a run ended without saying why: the system killed it, for want of memory perhaps, or it
        crashed. The same command goes on with the run.""",
        says="error[LT465]: its process was ended by SIGKILL; perhaps memory ran out",
    ),
    "LT470": entry(
        "worker died",
        """One of several workers ended without saying why: it was killed, for want of memory perhaps, or it crashed.
        The others are ended with it. Everything up to the last whole epoch is kept.""",
        says="""error[LT470]: worker 1 of 2 was killed (SIGKILL), and the run ended with it
  = help: go on with: ltdsl run --resume runs/a --workers 2; what the workers printed is in runs/a/logs""",
    ),
    "LT471": entry(
        "port taken",
        """Workers meet at a port of one machine, and something else listens there.""",
        says="""error[LT471]: the workers cannot meet at 127.0.0.1:8118: Address already in use
  = help: name another port""",
    ),
    "LT472": entry(
        "a worker never came",
        """Workers wait for each other when they start, for as long as MS_TOPO_TIMEOUT says (300 s otherwise).""",
        says="""error[LT472]: not all of 2 workers came within 300 s
  = help: look at the log of the worker that did not start; all need the same MS_SCHED_HOST and MS_SCHED_PORT""",
    ),
    "LT473": entry(
        "workers differ",
        """All workers of a run need the same recipe, settings, images, first weights and package versions. They compare
        hashes of them before anything is trained.""",
        says="""error[LT473]: worker 1 has another plan than worker 0
  = help: start all of them with the same recipe, --set and --seed""",
    ),
    "LT474": entry(
        "run directory not shared",
        """The first worker writes the run directory, and the others read checkpoints from it: all need to see the same
        folder.""",
        says="""error[LT474]: worker 0 writes to runs/a, and this worker does not see it
  = help: start all workers with the same --out, in a folder that their machines share""",
    ),
    "LT475": entry(
        "batch cannot be shared",
        """Each worker takes the same number of images of every step, so the images of a step (batch_size times
        accumulate) must be a multiple of the workers, and each worker's part of accumulate.""",
        says="""error[LT475]: 3 workers cannot share the 128 images of a step of stage `stage1` evenly
  = help: set batch_size to a multiple of 3, or choose another number of workers""",
    ),
    "LT476": entry(
        "classes cannot be split",
        """With `--split-classes`, each worker has the logits of its own classes only, of which it needs two. So
        `manifold_mixup` at the layer `fc`, which mixes the logits of all classes, cannot be split.""",
        says="""error[LT476]: the classes cannot be split: `manifold_mixup` in stage `a` mixes the logits of all classes
  = help: choose `layer = pool`: for a linear classifier, mixed features give the same logits""",
    ),
    "LT480": entry(
        "cache not used",
        """The cache's folder cannot be written to, is full, or others could change what is in it; or an entry is
        damaged, or was put there by another user. Nothing is lost: what is needed is made anew, in a temporary folder
        where the cache's own is of no use. `ltdsl cache` itself ends with it.""",
        says="""warning[LT480]: nothing can be kept in /home/ada/.cache/ltdsl: Read-only file system; a temporary folder
takes its place
  = help: name another folder with LTDSL_CACHE""",
    ),
    "LT499": entry(
        "run failed",
        """The system stopped the run; the message says what it said.""",
        says="""error[LT499]: interrupted; runs/a keeps everything up to the last whole epoch
  = help: go on with: ltdsl run --resume runs/a""",
    ),
}
