"""The pickles that hold PyTorch's weights, read as data.

Python's unpickler calls whatever a file names. This one knows the few operations and names that weights are made of,
builds values that do nothing, and refuses all else; nothing is ever imported or called by a file's name.
"""

from __future__ import annotations

import pickletools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from io import BytesIO

#: Operations of one pickle; the largest published weights need some thousands.
MOST_OPERATIONS = 1_000_000

#: Axes of a tensor.
MOST_AXES = 16

#: PyTorch's names of storages, and the elements in each as NumPy writes them; bfloat16, which it lacks, as ``bf16``.
STORAGES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "BFloat16Storage": "bf16",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "|i1",
    "ByteStorage": "|u1",
    "BoolStorage": "|b1",
}


class RefusedError(Exception):
    """A file has something in it that weights do not need; says what, and can follow "cannot be read: "."""


@dataclass(frozen=True)
class Storage:
    """A run of elements that tensors lie in.

    Attributes:
        key: Its name in the file.
        kind: Its elements; see :data:`STORAGES`.
        size: How many.
    """

    key: str
    kind: str
    size: int


@dataclass(frozen=True)
class Tensor:
    """Where a tensor's elements are.

    Attributes:
        storage: What they lie in.
        offset: Of the first.
        shape: Elements along each axis.
        strides: From one element to the next along each axis.
    """

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True)
class _Name:
    """A name that a file refers to: nothing but that."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


_MARK = object()


def read_pickle(file: BytesIO) -> tuple[Any, dict[str, Storage]]:
    """The value of a pickle, and the storages that it names.

    Args:
        file: At the pickle's beginning; left behind its end.

    Returns:
        Numbers, text, None, lists, tuples, dictionaries and tensors, one within another; storages by key.

    Raises:
        RefusedError: It holds something else, or is none.
    """
    machine = _Machine()
    for _ in range(MOST_OPERATIONS):
        code = file.read(1)
        if code == b".":
            return _last(machine), machine.storages
        operation = _OPERATIONS.get(code)
        if operation is None:
            raise RefusedError(_what(code))
        try:
            reader = _KNOWN[code].arg
            operation(machine, reader.reader(file) if reader else None)
        except RefusedError:
            raise
        except (ValueError, IndexError, KeyError, TypeError) as error:
            raise RefusedError("its pickle is damaged") from error
    raise RefusedError(f"its pickle has more than {MOST_OPERATIONS:,} operations")


def _last(machine: _Machine) -> Any:
    if len(machine.stack) != 1:
        raise RefusedError("its pickle is damaged")
    return machine.pop()


def _what(code: bytes) -> str:
    known = _KNOWN.get(code)
    if not code:
        return "its pickle is cut off"
    if known is None:
        return "its pickle is damaged"
    return f"its pickle has the operation {known.name}, which weights do not need"


@dataclass
class _Machine:
    stack: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)
    storages: dict[str, Storage] = field(default_factory=dict)

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop(self) -> Any:
        value = self.stack.pop()
        if value is _MARK:
            raise ValueError("a mark")
        return value

    def pop_to_mark(self) -> list[Any]:
        values: list[Any] = []
        while (value := self.stack.pop()) is not _MARK:
            values.append(value)
        return values[::-1]

    def pop_some(self, count: int) -> tuple[Any, ...]:
        return tuple([self.pop() for _ in range(count)][::-1])

    def top(self, kind: type) -> Any:
        if not isinstance(self.stack[-1], kind):
            raise ValueError(f"no {kind.__name__}")
        return self.stack[-1]


def _put(machine: _Machine, place: int) -> None:
    value = machine.stack[-1]
    if value is _MARK:
        raise ValueError("a mark")
    machine.memo[place] = value


def _set_items(machine: _Machine, values: list[Any]) -> None:
    held: dict[Any, Any] = machine.top(dict)
    for key, value in zip(values[::2], values[1::2], strict=True):
        # of others, the hash alone can take for ever
        if not isinstance(key, str | int | float):
            raise RefusedError("a dictionary in it has keys that are neither text nor numbers")
        held[key] = value


def _name(machine: _Machine, module: Any, name: Any) -> None:
    found = _Name(str(module)[:200], str(name)[:200])
    is_storage = found.module == "torch" and found.name in STORAGES
    if not is_storage and (found.module, found.name) not in _BUILDERS:
        raise RefusedError(f"it names {found}, which is no part of weights")
    machine.push(found)


def _global(machine: _Machine, both: str) -> None:
    module, _, name = both.partition(" ")
    _name(machine, module, name)


def _stack_global(machine: _Machine, _: None) -> None:
    module, name = machine.pop_some(2)
    _name(machine, module, name)


def _reduce(machine: _Machine, _: None) -> None:
    called, arguments = machine.pop_some(2)
    if not isinstance(called, _Name) or not isinstance(arguments, tuple):
        raise ValueError("nothing to call")
    builder = _BUILDERS.get((called.module, called.name))
    if builder is None:
        raise RefusedError(f"it calls {called}")
    machine.push(builder(*arguments))


def _build(machine: _Machine, _: None) -> None:
    """PyTorch's dictionaries carry versions of their layers, which are of no use here."""
    machine.pop()
    machine.top(dict)


def _storage(machine: _Machine, _: None) -> None:
    tag, kind, key, _place, size, *view = machine.pop()
    if view not in ([], [None]):
        raise RefusedError(
            "a storage in it is a view of another: save the weights by a newer PyTorch"
        )
    if tag != "storage" or not isinstance(kind, _Name) or kind.name not in STORAGES:
        raise RefusedError("it refers to something outside of it that is no storage")
    if not isinstance(key, str) or not _is_size(size):
        raise ValueError("no storage")
    storage = Storage(key, STORAGES[kind.name], size)
    if machine.storages.setdefault(key, storage) != storage:
        raise RefusedError("a storage in it is described twice, in two ways")
    machine.push(storage)


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 48


def _dictionary(*arguments: Any) -> dict[Any, Any]:
    if arguments and not (
        len(arguments) == 1 and isinstance(arguments[0], list) and not arguments[0]
    ):
        raise RefusedError("a dictionary in it is made of a list, as Python 2 wrote them")
    return {}


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_unused: Any) -> Tensor:
    """A tensor that lies within its storage, each element once."""
    axes = (shape, strides)
    if not (
        isinstance(storage, Storage)
        and _is_size(offset)
        and all(isinstance(part, tuple) and all(map(_is_size, part)) for part in axes)
        and len(shape) == len(strides) <= MOST_AXES
    ):
        raise ValueError("no tensor")
    elements = 1
    for length in shape:
        elements *= length
    last = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    if elements and (elements > storage.size or last >= storage.size):
        raise RefusedError("a tensor in it is larger than what it lies in")
    return Tensor(storage, offset, shape, strides)


def _parameter(data: Any, *_unused: Any) -> Tensor:
    if not isinstance(data, Tensor):
        raise ValueError("no tensor")
    return data


def _shape(lengths: Any = ()) -> tuple[int, ...]:
    if not isinstance(lengths, tuple) or not all(map(_is_size, lengths)):
        raise ValueError("no shape")
    return lengths


#: What a file may call, and what stands for it here.
_BUILDERS: dict[tuple[str, str], Callable[..., Any]] = {
    ("collections", "OrderedDict"): _dictionary,
    ("torch", "Size"): _shape,
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
}


def _pushing(value: Callable[[Any], Any]) -> Callable[[_Machine, Any], None]:
    return lambda machine, argument: machine.push(value(argument))


_same = _pushing(lambda value: value)


def _nothing(*_: Any) -> None:
    """Which protocol it is, and how far to read ahead."""


def _append(machine: _Machine, values: list[Any]) -> None:
    machine.top(list).extend(values)


def _remember(machine: _Machine, _: None) -> None:
    _put(machine, len(machine.memo))


#: By its name in :mod:`pickletools`, what an operation does with its argument.
_BY_NAME: dict[str, Callable[[_Machine, Any], None]] = {
    **dict.fromkeys(("PROTO", "FRAME"), _nothing),
    "NONE": _pushing(lambda _: None),
    "NEWTRUE": _pushing(lambda _: True),
    "NEWFALSE": _pushing(lambda _: False),
    **dict.fromkeys(("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"), _same),
    **dict.fromkeys(("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"), _same),
    **dict.fromkeys(("BINSTRING", "SHORT_BINSTRING"), _same),  # text of Python 2
    "EMPTY_DICT": _pushing(lambda _: {}),
    "EMPTY_LIST": _pushing(lambda _: []),
    "EMPTY_TUPLE": _pushing(lambda _: ()),
    "MARK": _pushing(lambda _: _MARK),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.pop_to_mark())),
    "TUPLE1": lambda machine, _: machine.push(machine.pop_some(1)),
    "TUPLE2": lambda machine, _: machine.push(machine.pop_some(2)),
    "TUPLE3": lambda machine, _: machine.push(machine.pop_some(3)),
    **dict.fromkeys(("BINPUT", "LONG_BINPUT"), _put),
    "MEMOIZE": _remember,
    **dict.fromkeys(("BINGET", "LONG_BINGET"), lambda machine, at: machine.push(machine.memo[at])),
    "APPEND": lambda machine, _: _append(machine, [machine.pop()]),
    "APPENDS": lambda machine, _: _append(machine, machine.pop_to_mark()),
    "SETITEM": lambda machine, _: _set_items(machine, list(machine.pop_some(2))),
    "SETITEMS": lambda machine, _: _set_items(machine, machine.pop_to_mark()),
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    "REDUCE": _reduce,
    "BUILD": _build,
    "BINPERSID": _storage,
}

#: Every operation that there is, by what stands for it in a file.
_KNOWN = {each.code.encode("latin-1"): each for each in pickletools.opcodes}

#: Of these, what is done for those that weights need.
_OPERATIONS = {code: _BY_NAME[each.name] for code, each in _KNOWN.items() if each.name in _BY_NAME}
