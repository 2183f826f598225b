-- The throttle of one sender: GCRA on Redis server time. All times in microseconds.
--
-- KEYS[1]  hash of the sender
-- ARGV     want (messages), unit (tokens a message costs), bulk (1: all in one post), lane, rate (tokens/s),
--          jitter, slice, lead, horizon, cap (tokens a day, 0: none), day
-- returns  {granted messages, first slot, length of a slot, now, wait}; with 0 granted, wait tells for how long,
--          -1: until the cap's next day
--
-- tat      theoretical arrival time: the first slot that nobody has
-- post     tokens in the last post (one request to the provider)
-- urgent   until then a taker of the emergency lane is waiting, and routine takers step aside
-- closed   until then nobody may send: the provider said 429, or the breaker is open
-- day, used  tokens handed out on `day`, for the daily cap
local key = KEYS[1]
local want, unit, bulk, lane = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3] == '1', ARGV[4]
local rate, jitter = tonumber(ARGV[5]), tonumber(ARGV[6])
local slice, lead, horizon = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local cap, day = tonumber(ARGV[10]), ARGV[11]

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local state = redis.call('HMGET', key, 'tat', 'post', 'urgent', 'closed', 'day', 'used')
-- A missing bucket (Redis was wiped) starts late, so that it cannot overlap slots that were handed out before:
-- those reach at most a horizon and a slice ahead.
local tat = tonumber(state[1]) or (now + horizon + slice)
local last_post = tonumber(state[2]) or 0
local urgent, closed = tonumber(state[3]) or 0, tonumber(state[4]) or 0
local used = (state[5] == day) and tonumber(state[6]) or 0

local function whole(t) return string.format('%.0f', t) end
local function keep(...)
    redis.call('HSET', key, 'tat', whole(tat), ...)
    redis.call('PEXPIRE', key, 90000000)
end
local function refuse(wait)
    if lane == 'emergency' then
        -- It will be back after `wait`; until then, and a little longer, routine takers leave the slots to it.
        keep('urgent', whole(now + wait + 100000))
    elseif not state[1] then
        keep('post', '0')
    end
    return {0, '0', '0', whole(now), whole(wait)}
end

if cap > 0 and used + unit > cap then return {0, '0', '0', whole(now), '-1'} end
if closed > now then return refuse(closed - now) end
if lane ~= 'emergency' and urgent > now then return refuse(math.min(urgent - now, 100000)) end

local granted = math.min(want, math.max(1, math.floor(rate * slice / 1000000 / unit)))
if cap > 0 then granted = math.min(granted, math.floor((cap - used) / unit)) end
local post = bulk and granted * unit or unit
-- k posts fit into a second when k * post <= rate; one more must fall outside of it, by the jitter that we allow for.
local fit = math.floor(rate / post)
local length = (fit > 0) and 1000000 * (1 + jitter) / fit or 1000000 * (1 + jitter) * post / rate
-- Where posts of different size meet, a window could hold the larger of both counts: the gap makes room for one post.
local gap = (post ~= last_post) and 1000000 * math.min(1, post / rate) or 0
local start = math.max(tat + gap, now + lead) -- slots that nobody took have lapsed; a claim takes its time, too
if start - now > horizon then return refuse(start - now - horizon) end

tat = start + (bulk and 1 or granted) * length
-- An emergency that got less than it wants comes back when these slots are used up: the next ones are its own, too.
-- If it is slower than that (a slow provider), routine takes what would lapse.
if lane == 'emergency' and granted < want then urgent = math.max(urgent, tat + 100000) end
keep('post', post, 'day', day, 'used', whole(used + granted * unit), 'urgent', whole(urgent))
return {granted, whole(start), whole(length), whole(now), '0'}
