"""Sites one by one: how far each is shrunk, how outlying it is, how much it counts, and what deleting it would assume."""
