"""A city's request system, asked by Open311 GeoReport v2 (https://wiki.open311.org/GeoReport_v2/)."""
