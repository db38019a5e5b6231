"""One published result: its likelihood, standard priors of the effect, and what they make of it."""
