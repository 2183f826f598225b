"""Geography without a database, HTTP or Celery: values in, values out. Shapes are WGS 84, longitude first.

`geometry` has the basic operations on areas, `geojson` and `gate` read shapes, and `computing` makes an area of its
parts, in helper processes (`geometry_pool`). `membership` tests which points are inside. `files` opens files of zones,
`importing` and `mending` make zones of them, and `placing` compares them with the city. `addresses` reads addresses and
street names. `tiles` draws the map.
"""
