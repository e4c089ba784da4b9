"""Lists of images: what each form says, and which classes of two lists are the same."""
