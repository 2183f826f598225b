-- Record the result of one window of posts in its sender's breaker. All times in microseconds.
--
-- KEYS[1]  hash of the sender
-- ARGV     faults, others (answers that show that the provider works), trial (1: the window was a trial), why (a code),
--          threshold (faults in a row), first, longest, press (longest for an emergency), spread (0.8 .. 1.2)
-- returns  {what happened: '' | 'opened' | 'rests' | 'closed', for how long}
--
-- streak, streak_at   faults in a row, and when the last one was
-- broken, why         since when the breaker is open, and why; missing: it is closed
-- opened              times that it has opened since it was last closed
-- rest, press         until then there is no trial; press: none by an emergency
local key = KEYS[1]
local faults, others, trial, why = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3] == '1', ARGV[4]
local threshold, first, longest = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local press, spread = tonumber(ARGV[8]), tonumber(ARGV[9])

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local state = redis.call('HMGET', key, 'broken', 'opened', 'streak', 'streak_at')
local function whole(t) return string.format('%.0f', t) end

local function open(since, opened)
    local rest = math.min(longest, first * 2 ^ math.min(opened - 1, 20)) * spread
    redis.call('HSET', key, 'broken', since, 'opened', opened, 'why', why, 'rest', whole(now + rest),
        'press', whole(now + math.min(rest, press)))
    redis.call('HDEL', key, 'streak', 'streak_at')
    return whole(rest)
end

if others > faults then
    redis.call('HDEL', key, 'broken', 'opened', 'why', 'rest', 'press', 'streak', 'streak_at')
    return {state[1] and 'closed' or '', '0'}
end
if faults == 0 then
    -- The trial was not made, because there was nothing to send. The next taker makes it.
    if trial and state[1] then redis.call('HSET', key, 'rest', whole(now), 'press', whole(now)) end
    return {'', '0'}
end
if state[1] then
    -- This window was granted before the breaker opened: it adds nothing.
    if not trial then return {'', '0'} end
    return {'rests', open(state[1], tonumber(state[2]) + 1)}
end
-- Faults far apart are not in a row: windows without faults, which are not all reported, may lie between them.
local fresh = tonumber(state[4] or 0) > now - 60000000
local streak = (fresh and tonumber(state[3] or 0) or 0) + faults
if streak >= threshold then return {'opened', open(whole(now), 1)} end
redis.call('HSET', key, 'streak', streak, 'streak_at', whole(now))
return {'', '0'}
