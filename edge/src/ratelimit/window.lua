-- Counts requests in several sliding windows, one after the other, each in all of its windows or in none.
--
-- A window is 60 equal slots. Its key is a hash: one field per slot that counted something, `total` of them all, and
-- `oldest`, which no such slot is before. A call costs one command and two per window, however many requests count in it;
-- one more for the first in a slot, two more when slots have left, however full the window is.
--
-- KEYS  one per window of each request
-- ARGV  per request: how many windows it has, then for each: limit, slot length in ms, cost (0 = look only)
-- Returns per request: admitted (1 or 0), then per window: counted, ms until the oldest slot leaves.
local SLOTS = 60
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local windows, known = {}, {}

-- Drops the slots that have left a window.
local function forget(w)
  local fields = redis.call('HGETALL', w.key)
  local left, total, oldest = {}, 0, nil
  for i = 1, #fields, 2 do
    local slot, count = tonumber(fields[i]), tonumber(fields[i + 1])
    if slot and slot <= w.slot - SLOTS then
      left[#left + 1] = fields[i]
    elseif slot then
      total = total + count
      oldest = math.min(oldest or slot, slot)
    end
  end
  w.total, w.oldest, w.stale = total, oldest or w.slot, true
  if total == 0 then
    redis.call('DEL', w.key)
    w.stale = false
  elseif #left > 0 then
    redis.call('HDEL', w.key, unpack(left))
  end
end

-- Returns a window; it is read once.
local function window(key, length)
  local w = known[key]
  if w then return w end
  local slot = math.floor(now / length)
  local state = redis.call('HMGET', key, 'oldest', 'total', slot)
  w = { key = key, length = length, slot = slot }
  w.oldest, w.total, w.here = tonumber(state[1]) or slot, tonumber(state[2]) or 0, tonumber(state[3]) or 0
  w.new = w.here == 0
  if w.oldest <= slot - SLOTS then forget(w) end
  known[key], windows[#windows + 1] = w, w
  return w
end

local reply, key, arg = {}, 0, 1
while arg <= #ARGV do
  local own, admitted = {}, 1
  for i = 1, tonumber(ARGV[arg]) do
    local limit, length = tonumber(ARGV[arg + i * 3 - 2]), tonumber(ARGV[arg + i * 3 - 1])
    own[i] = window(KEYS[key + i], length)
    if own[i].total >= limit then admitted = 0 end
  end
  reply[#reply + 1] = admitted
  for i, w in ipairs(own) do
    local cost = tonumber(ARGV[arg + i * 3])
    if admitted == 1 and cost > 0 then
      w.total, w.here, w.oldest = w.total + cost, w.here + cost, math.min(w.oldest, w.slot)
      w.counted = true
    end
    reply[#reply + 1] = w.total
    reply[#reply + 1] = (w.oldest + SLOTS) * w.length - now
  end
  key, arg = key + #own, arg + 1 + #own * 3
end

for _, w in ipairs(windows) do
  if w.counted then
    redis.call('HSET', w.key, w.slot, w.here, 'oldest', w.oldest, 'total', w.total)
    if w.new then redis.call('PEXPIRE', w.key, w.length * (SLOTS + 1)) end
  elseif w.stale then
    redis.call('HSET', w.key, 'oldest', w.oldest, 'total', w.total)
  end
end
return reply
