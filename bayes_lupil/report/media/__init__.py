"""What a page consists of, and each medium that shows one; nothing here knows a subject."""
