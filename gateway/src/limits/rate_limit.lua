-- Generic cell rate algorithm, by Redis's own clock. KEYS[1]: the client. ARGV: limit, window in microseconds.
-- The value is the theoretical arrival time: the moment at which the client's whole allowance is there again. One beyond
-- the window was stored before the clock was set back: it counts as an allowance that was just used up, and no longer.
-- Returns: allowed, remaining, microseconds until all is there again, microseconds until the next is allowed.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local interval = math.floor(window / limit)
local function keep(arrival)
  redis.call('SET', KEYS[1], string.format('%.0f', arrival), 'PX', math.ceil((arrival - now) / 1000))
end
local stored = tonumber(redis.call('GET', KEYS[1]) or now)
if not stored or stored ~= stored then
  stored = now -- what is no number counts as nothing
end
local arrival = math.min(math.max(stored, now), now + window)
if arrival < stored then
  keep(arrival)
end
local wait = arrival + interval - window - now
if wait > 0 then
  return {0, 0, math.ceil(arrival - now), math.ceil(wait)}
end
arrival = arrival + interval
keep(arrival)
return {1, math.floor((window - (arrival - now)) / interval), math.ceil(arrival - now), 0}
