"""What was meant where a text does not parse."""
