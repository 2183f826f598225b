"""Deliver an alert, from its launch to the last receipt, in this order:

fanout           delivery rows and batches, slice by slice       (a transaction each)
leases           lease a batch to one worker
claims           which deliveries of it may still go out
recording        write the outcomes
send_batch       window by window: take slots, claim, post, record
requests         the requests themselves; addresses are opened here
transport        the event loop that posts to providers
reconcile        unknown outcomes: ask the provider, else the lane decides
recovery         expired leases, lost doorbells, finished alerts
receipts         what providers report later

Beside it: which senders there are and how they are doing (`senders`, `sender_pool`, `sender_health`, `breaker`,
`provider_faults`), at what rate they may send (`throttle`, `capacity`, `worker_slots`, `usage`), how long it will take
(`forecast`, `send_simulation`), what an answer means (`outcomes`) and which receipts are ours (`provenance`), who may
not be written to (`suppressions`, `carrier_blocks`, `unreadable`), and what keeps an exercise inside (`exercise`).
"""
