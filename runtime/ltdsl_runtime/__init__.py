"""The half that trains: turns a :class:`ltdsl.plan.Plan` into MindSpore graphs and datasets."""
