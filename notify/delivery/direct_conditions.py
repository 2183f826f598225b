"""Conditions on messages to one person, in SQL: which are urgent, still needed, and may be sent now.

Each reads `direct_messages` as m; URGENT also its alert as a. They need :now and `rules.city_quiet`.
"""

from notify.audience import rules

# Somebody waits for the answer before people in danger are warned, or must know what was done alone.
URGENT = "coalesce(m.kind IN ('ask', 'break-glass') AND a.lane = 'emergency' AND a.status = 'Actual', false)"

# A contact `c` at which its resident may be reminded of collections.
REMINDED_AT = f"""
    c.verified_at IS NOT NULL AND c.address_sealed IS NOT NULL
    AND coalesce(c.lowest_severity < {rules.EMERGENCIES_ONLY}, true)
    AND NOT EXISTS (SELECT FROM suppressions x WHERE (x.channel, x.address_index) = (c.channel, c.address_index)
                       AND (x.topic IS NULL OR x.topic = 'collection'))
"""

# A wish `w` is one for reminders of a `day`. Who only got a notice has them while they want collection news at all.
WISHED = """
    (w.until_day IS NULL OR (w.until_day >= {day} AND EXISTS (
        SELECT FROM preferences p WHERE p.subscriber_id = w.subscriber_id AND p.topic = 'collection')))
"""

# All that a contact `c` could be reminded of is muted: collections, or with no such topic, everything.
MUTED = """
    (EXISTS (SELECT FROM preferences p WHERE p.subscriber_id = c.subscriber_id AND p.muted_until > :now
               AND (p.topic = 'collection' OR NOT EXISTS (
                    SELECT FROM preferences q WHERE q.subscriber_id = p.subscriber_id
                       AND (q.topic = 'collection' OR coalesce(q.muted_until, :now) <= :now))))
     OR EXISTS (SELECT FROM choices o WHERE o.subscriber_id = c.subscriber_id AND o.muted_until > :now
                   AND NOT EXISTS (SELECT FROM preferences p WHERE p.subscriber_id = c.subscriber_id)))
"""

# What became of a notice `n` for the resident of a reminder `r`, on the channel of its message `m`. What is
# `undelivered` may have been read.
_OWN = """
    SELECT FROM contacts h JOIN deliveries d ON (d.alert_id, d.contact_id) = (n.id, h.id)
     WHERE h.subscriber_id = r.subscriber_id AND h.channel = m.channel AND d.state IN ({states})
"""
NOTICE_READ = "'accepted', 'delivered', 'undelivered'"
NOTICE_MISSED = ", ".join(f"'{state}'" for state in rules.NEVER_READ)
_READ, _MISSED = _OWN.format(states=NOTICE_READ), _OWN.format(states=NOTICE_MISSED)

# The message would say what a notice says that they do not have yet: it goes out when the notice ends without them, or
# has not come at six in the evening before the first day that changes. A correction waits only for a notice that is on
# its way by day, and for an hour at most.
HELD = f"""
    EXISTS (SELECT FROM alerts n WHERE n.id = CAST(r.said ->> 'notice' AS bigint) AND NOT EXISTS ({_MISSED})
               AND CASE WHEN r.kind = 'correction'
                        THEN n.state = 'sending' AND r.made_at > CAST(:now AS timestamptz) - interval '1 hour'
                             AND NOT EXISTS ({_OWN.format(states="'held'")})
                        ELSE n.state IN ('draft', 'approved', 'scheduled', 'sending', 'paused')
                             AND greatest(n.launch_at, CAST(:now AS timestamptz))
                                 < (r.until AT TIME ZONE CAST(:city_zone AS text) - interval '30 hours')
                                   AT TIME ZONE CAST(:city_zone AS text) END)
"""
# They read the notice, whatever became of it afterwards, or it is wholly sent.
SAID_BY_NOTICE = f"""
    EXISTS (SELECT FROM alerts n WHERE n.id = CAST(r.said ->> 'notice' AS bigint)
               AND (EXISTS ({_READ}) OR n.state = 'sent' AND NOT EXISTS ({_MISSED})))
"""

# An ask is not needed once the alert is approved or stopped, and one to extend it once it is over or others have the
# last word in all of its area. Nobody is welcomed or asked who has opted out meanwhile, or is being asked something
# else by now. Who wants no reminders any more gets none, and nobody one that comes too late.
NEEDED = f"""
    CASE m.kind WHEN 'ask' THEN EXISTS (SELECT FROM alerts a WHERE a.id = m.alert_id AND a.state = 'draft')
         WHEN 'expiry' THEN EXISTS (
              SELECT FROM alerts a LEFT JOIN standings t ON t.alert_id = a.id
               WHERE a.id = m.alert_id AND a.state IN ('sending', 'paused', 'sent')
                 AND (t.alert_id IS NULL OR t.left_area IS NOT NULL))
         WHEN 'welcome' THEN NOT EXISTS (
              SELECT FROM joinings j JOIN contacts c ON c.id = j.contact_id
                JOIN suppressions x ON (x.channel, x.address_index) = (c.channel, c.address_index)
               WHERE j.id = m.joining_id AND x.topic IS NULL)
         WHEN 'question' THEN EXISTS (
              SELECT FROM contacts c JOIN conversations v USING (channel, address_index)
               WHERE c.id = m.contact_id AND v.message_id = m.id AND v.ends_at > :now
                 AND NOT EXISTS (SELECT FROM suppressions x WHERE x.topic IS NULL
                                    AND (x.channel, x.address_index) = (c.channel, c.address_index)))
         WHEN 'calendar' THEN NOT EXISTS (
              SELECT FROM contacts c JOIN suppressions x USING (channel, address_index)
               WHERE c.id = m.contact_id AND x.topic IS NULL)
         WHEN 'self-test' THEN NOT EXISTS (
              SELECT FROM contacts c JOIN suppressions x USING (channel, address_index)
               WHERE c.id = m.contact_id AND x.topic IS NULL)
         WHEN 'reminder' THEN EXISTS (
              SELECT FROM reminders r JOIN reminder_wishes w USING (subscriber_id)
                JOIN contacts c ON c.id = m.contact_id AND c.subscriber_id = r.subscriber_id
               WHERE r.message_id = m.id AND r.until > :now AND {WISHED.format(day="r.day")} AND {REMINDED_AT}
                 AND NOT {MUTED} AND NOT {SAID_BY_NOTICE})
         WHEN 'resend' THEN NOT EXISTS (
              SELECT FROM alerts a, contacts c JOIN suppressions x USING (channel, address_index)
               WHERE a.id = m.alert_id AND c.id = m.contact_id AND (x.topic IS NULL OR x.topic = a.topic))
         ELSE true END
"""

# A question waits for the end of the city's quiet time, and of its resident's. At night no other question is looked at.
# So does a reminder that does not come at the hour its resident chose; and none goes out while a newer edition is
# compared with it.
BY_DAY = f"""
    (m.kind NOT IN ('question', 'reminder') OR m.any_hour OR (
        CAST(:city_quiet AS timestamptz) IS NULL AND EXISTS (
             SELECT FROM contacts c {rules.choices()}
              WHERE c.id = m.contact_id AND ({rules.held_until(":{}")}) IS NULL)))
    AND (m.kind <> 'reminder' OR EXISTS (
         SELECT FROM reminders r WHERE r.message_id = m.id
            AND r.true_in >= (SELECT max(number) FROM collection_editions) AND NOT {HELD}))
"""
