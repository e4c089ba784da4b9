"""What operators that are objects are."""

class Primitive:
    def shard(self, in_strategy: tuple[tuple[int, ...], ...]) -> Primitive: ...
