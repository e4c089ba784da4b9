"""The commands, a file each but for those that share most of theirs."""
