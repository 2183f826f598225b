"""Files of zones, streets and addresses, from anybody: how each format is opened, and what keeps a hostile one in."""
