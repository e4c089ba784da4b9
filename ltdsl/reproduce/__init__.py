"""Published tables trained again: their rows as recipes, and what came out beside what was printed."""
