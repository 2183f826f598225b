"""The city's geography.

`zones` stores the city's zones and `zone_import` imports them from files. `geocoder` stores streets, addresses and
landmarks and finds an address among them. `basemap` draws the map. `area` makes one shape of the `parts` of an alert's
area.
"""
