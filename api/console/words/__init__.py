"""The pages of the city's own words."""
