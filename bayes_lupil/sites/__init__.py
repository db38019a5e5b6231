"""Sites one by one: how far each is shrunk, how outlying it is, how much it counts, what deleting it would assume."""
