"""Benchmarks: figures with a baseline measured in the same run. They are not tests and never fail on time.

`__main__` runs them. Each module has one or more of them, except `installation` and `people` (a real installation and
its residents), `stand_in` (the provider), `figures` (the results), `looking` (load on a page), and `bare`,
`bare_page`, `callbacks` and `empty` (processes that a benchmark starts).
"""
