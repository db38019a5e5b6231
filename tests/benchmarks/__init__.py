"""Speed and memory of the engines beside other software: `make bench` writes results.md, results.json, scaling.png.

`__main__` runs the rows one after the other, each in a process of its own (`row`), so that none sees another's caches
or memory and a row that fails is a row that says so. `trials` makes the data, `contenders` fits them, `endurance`
measures cold start, throughput and scaling, `table` writes. Nothing measured is asserted; pytest tests the runner.
"""
