"""`python -m bayes_lupil.cli`."""

from bayes_lupil.cli import main

main()
