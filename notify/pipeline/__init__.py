"""The way of an alert, from its words to the last receipt, in this order:

compose     words, once per channel and language            (at approval; frozen at launch)
audience    places in the area -> contacts -> reasons       (read only)
fanout      delivery rows and batches, slice by slice       (a transaction each)
sending     lease a batch; per window: take tokens, claim, post, record
messages    the requests themselves; addresses are opened here
transport   the event loop that posts to providers
clearing    unknown outcomes: ask the provider, else the lane decides
settling    expired leases, lost doorbells, finished alerts
receipts    what providers tell later
"""
