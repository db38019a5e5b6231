"""The page of a published result under standard priors."""
