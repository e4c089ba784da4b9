"""What implements the tricks that the catalogue declares."""
