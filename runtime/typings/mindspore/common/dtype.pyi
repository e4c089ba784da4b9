"""Types of elements."""

from typing import Final

class Type: ...

bfloat16: Final[Type]
float16: Final[Type]
float32: Final[Type]
int32: Final[Type]
uint8: Final[Type]
