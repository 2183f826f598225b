-- The throttle of one sender: GCRA on Redis server time. All times in microseconds. Why it is right: docs/adr/0004.
--
-- KEYS[1]  hash of the sender
-- ARGV     want (messages), unit (tokens a message costs), bulk (1: all in one post), lane ('emergency', 'routine', or
--          'ahead' for what goes ahead of other routine takers), rate (tokens/s),
--          jitter, slice, lead, horizon, cap (tokens a day, 0: none), day, trial (time for one), press (the same for
--          an emergency), room (most messages to grant now), within (no slot begins later than this from now)
-- returns  {granted messages, first slot, length of a slot, now, wait, note, tat}; with 0 granted, wait is the time to
--          wait, -1: until the cap's next day, -2: count what went out today and store it by `Throttle._count`;
--          note: '' | 'watched' (there was a fault lately: report successes to the breaker, too) | 'trial' (half open)
--
-- tat      theoretical arrival time: the first free slot
-- rate, slot   those of the last grant
-- post     tokens of the posts (requests to the provider) of this regime; if mixed, of the largest
-- mixed    1: posts of different size are mixed; since: when their size last changed; last: the last size
-- urgent   until then a taker of the emergency lane is waiting, and routine takers get nothing
-- ahead    until then a taker ahead of routine is waiting
-- half     the border of docs/adr/0055: slots from there on are kept for a taker ahead that waits; of those before,
--          takers ahead get what nobody else takes
-- closed   until then nobody may send: the provider said 429
-- day, used, counted    `used` tokens were granted on `day`; complete only if `counted` is the same day
-- counting     from then on the day may be counted: all that was granted before is in PostgreSQL
-- broken, rest, press, streak, ...    the breaker's, see breaker.lua
local key, SECOND = KEYS[1], 1000000
local want, unit, bulk, lane = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3] == '1', ARGV[4]
local rate, jitter = tonumber(ARGV[5]), tonumber(ARGV[6])
local slice, lead, horizon = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local cap, day, room, within = tonumber(ARGV[10]), ARGV[11], tonumber(ARGV[14]), tonumber(ARGV[15])

local time = redis.call('TIME')
local now = time[1] * SECOND + time[2]
local fields = {'tat', 'rate', 'slot', 'post', 'mixed', 'since', 'last', 'urgent', 'closed', 'day', 'used', 'counted',
                'counting', 'broken', 'rest', 'press', 'streak', 'ahead', 'half'}
local read, state = redis.call('HMGET', key, unpack(fields)), {}
for n, field in ipairs(fields) do state[field] = read[n] or nil end
local function number(field) return tonumber(state[field] or 0) end
local function whole(t) return string.format('%.0f', t) end

-- The slot of one post: k posts fit into a second if k * post <= rate, and the next one must fall outside of it, even
-- with the jitter.
local function length_of(post)
    local fit = math.floor(rate / post)
    return SECOND * (1 + jitter) * (fit > 0 and 1 / fit or post / rate)
end
local function gap_of(post) return SECOND * (1 + jitter) * math.min(1, post / rate) end

-- A missing bucket (Redis was wiped) starts late, so that it cannot share a second with slots that were granted before.
-- Those reach at most a horizon and a slice ahead; an SMS has at most ten segments, Twilio's limit.
local largest = math.max(10, bulk and math.floor(rate * slice / SECOND) or unit)
local late = horizon + slice * (1 + jitter)
    + math.min(SECOND * (1 + jitter), length_of(largest) + gap_of(bulk and largest or unit))
local tat = tonumber(state.tat)
-- A `tat` further ahead than any grant reaches was written before the clock was set back.
local missing = not tat or tat > now + late + number('slot') + SECOND
if missing then tat = now + late end
local urgent = number('urgent') < now + 21 * SECOND and number('urgent') or 0
local ahead = number('ahead') < now + 3 * SECOND and number('ahead') or 0
local half = missing and 0 or number('half')
local closed = number('closed') < now + 601 * SECOND and number('closed') or 0
-- A higher rate applies from the last slot on: the slot is shortened to the new length.
if state.rate and tonumber(state.rate) < rate and not bulk then
    local slot = math.max(length_of(number('post')), length_of(unit))
    tat = tat - math.max(0, number('slot') - slot)
    half = math.min(half, tat)
    redis.call('HSET', key, 'tat', whole(tat), 'rate', ARGV[5], 'slot', whole(slot), 'half', whole(half))
end
local used, counted = number('used'), state.counted or ''
if not state.day then
    counted = ''
elseif state.day < day then
    used, counted = 0, day -- a new day: the bucket has seen all of it
else
    day = state.day -- the caller's clock may be a little behind: the day does not begin again
end

local function keep(...)
    redis.call('HSET', key, 'tat', whole(tat), 'urgent', whole(urgent), 'ahead', whole(ahead), 'half', whole(half),
        'day', day, 'used', whole(used), 'counted', counted, ...)
end
local function refuse(wait)
    if lane == 'emergency' then
        -- It comes back after `wait`. Until then, and a little longer, the slots are kept for it.
        urgent = now + math.min(wait, 20 * SECOND) + 100000
    elseif lane == 'ahead' then
        ahead = now + math.min(wait, SECOND) + 100000
    end
    if lane ~= 'routine' or missing then keep() end
    return {0, '0', '0', whole(now), whole(wait), '', '0'}
end

if cap > 0 and counted ~= day then
    -- It is unknown what went out today. Slots already granted must have passed before it can be counted.
    local from = number('counting')
    if from == 0 or from < now - 10 * SECOND then
        from = now + horizon + slice * (1 + jitter) + 100000
        if state.tat then from = from + 600000 end -- some workers do not know of the cap yet
        keep('counting', whole(from))
    elseif from <= now then
        keep('counting', whole(now + 2 * SECOND)) -- this taker counts; if it fails, another one will
        return {0, '0', '0', whole(now), '-2', '', '0'}
    end
    return refuse(math.min(from - now, 250000))
end
if cap > 0 and used + unit > cap then return {0, '0', '0', whole(now), '-1', '', '0'} end
if closed > now then return refuse(closed - now) end
local trial = state.broken ~= nil
local open_till = number(lane == 'emergency' and 'press' or 'rest')
if trial and open_till > now and open_till < now + 60 * SECOND then return refuse(open_till - now) end
if lane ~= 'emergency' and urgent > now then return refuse(math.min(urgent - now, 100000)) end

-- At most a slice; unless bulk, half of it but at least 25 messages, so that an emergency waits for less.
local most = math.floor(rate * slice / SECOND / unit)
if not bulk then most = math.max(math.min(most, 25), math.floor(most / 2)) end
local granted = math.min(want, room, math.max(1, most))
if trial then granted = 1 end
if cap > 0 then granted = math.min(granted, math.floor((cap - used) / unit)) end
if bulk and granted == most then
    -- Of the sizes that fill at least half of the request, take the one that wastes least of the rate.
    local best = 0
    for size = most, math.max(1, math.ceil(most / 2)), -1 do
        local tokens = size * unit * math.floor(rate / (size * unit))
        if tokens > best then best, granted = tokens, size end
        if tokens == math.floor(rate) then break end
    end
end

-- Sizes that change often share a mixed regime, which is a little slower than each alone but needs no gaps.
local size = bulk and granted * unit or unit
local post, mixed, since, last = number('post'), number('mixed'), number('since'), number('last')
if last ~= size then since = now end
local steady = number('since') < now - 2 * SECOND
local slots, gap = bulk and 1 or granted, 0
local function mixed_length(largest) return SECOND * (1 + jitter) * size / (math.floor(rate) - largest + 1) end
local length
if post == 0 then
    post, length = size, length_of(size)
elseif mixed == 0 and (size == post or size < post and not (last == size and steady)
        and slots * (length_of(post) - length_of(size)) <= gap_of(size) + gap_of(post)) then
    length = length_of(post) -- a few smaller posts in slots of the larger size
elseif mixed == 1 and size <= post and not (last == size and steady) and post <= rate / 2 then
    length = mixed_length(post)
else
    -- A window across two regimes could hold one post too many: the gap prevents that.
    mixed = (mixed == 1 and size > post or mixed == 0 and not steady) and 1 or 0
    post = mixed == 1 and math.max(post, size) or size
    if post > rate / 2 then post, mixed = size, 0 end
    length, gap = mixed == 1 and mixed_length(post) or length_of(post), gap_of(post)
end
local free = math.max(tat, now + lead) -- unused slots have lapsed; the claim takes time, too
local start = math.max(tat + gap, now + lead)
if lane == 'routine' and ahead > now and free >= half then
    return refuse(math.max(0, start - now - horizon) + 20000) -- just after the one that these slots are kept for
elseif lane == 'ahead' and free < half then
    horizon, within = horizon / 2, math.min(within, horizon) -- late and short: routine, if it comes, has the next slot
end
if start - now > math.min(horizon, within) then return refuse(start - now - math.min(horizon, within)) end
if not bulk then
    granted = math.min(granted, 1 + math.floor((within - (start - now)) / length))
    slots = granted
end

tat, used = start + slots * length, used + granted * unit
-- An emergency that got less than it wants comes back when these slots are used up: the next ones are kept for it, too.
-- If it comes later (a slow provider), routine takes the slots that would lapse.
if lane == 'emergency' and granted < want then urgent = math.max(urgent, tat + 100000) end
if lane == 'ahead' then ahead = 0 end
if lane == 'ahead' and free >= half then -- as many slots as it had are for others
    half = math.floor(tat + tat - free)
elseif lane == 'emergency' and free < half then
    half = half + tat - free
end
keep('rate', ARGV[5], 'slot', whole(length), 'post', post, 'mixed', mixed, 'since', whole(since), 'last', size)
local note = number('streak') > 0 and 'watched' or ''
if trial then
    redis.call('HSET', key, 'rest', whole(now + tonumber(ARGV[12])), 'press', whole(now + tonumber(ARGV[13])))
    note = 'trial'
end
return {granted, whole(start), whole(length), whole(now), '0', note, whole(tat)}
