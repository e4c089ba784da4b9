"""What a machine can do with ltdsl, and what is in the way: facts are gathered, then judged."""
