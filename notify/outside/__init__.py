"""What other agencies say now: the National Weather Service, the county, neighbours.

`feeds` reads the setting that names them; `fetching` asks one for its document and `reading` takes the messages out of
it (`cap`, `nws`, `entries`; `xml` parses); `storing` keeps those that concern the city. `warnings` finds them again for
a reader, `zones_met` names the zones that they meet, `comparing` lays their text beside ours. Nothing here sends
anything.
"""
