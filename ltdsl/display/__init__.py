"""Tables, plots and details for terminals."""
