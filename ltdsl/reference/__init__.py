"""What the declarations say, written down: cards, generated pages, schemas, recipes to start from."""
