"""The recipe language: text in, :class:`ltdsl.plan.Plan` out. Never imports mindspore."""

__version__ = "0.2.0"
