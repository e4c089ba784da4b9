"""A trained run, used: predicting, evaluating again, exporting."""
