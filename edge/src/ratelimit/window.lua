-- Counts one request in several sliding windows, in all of them or in none.
--
-- A window is 60 equal slots. Its key is a hash: one field per slot that counted something, `total` of them all, and
-- `oldest`, which no such slot is before. A call costs one command and two per window; one more for the first in a slot,
-- two more when slots have left, however full the window is.
--
-- KEYS  one per window
-- ARGV  per window: limit, slot length in ms, cost (0 = look only)
-- Returns admitted (1 or 0), then per window: counted, ms until the oldest slot leaves.
local SLOTS = 60
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local windows = {}
local admitted = 1

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

for i, key in ipairs(KEYS) do
  local limit, length, cost = tonumber(ARGV[i * 3 - 2]), tonumber(ARGV[i * 3 - 1]), tonumber(ARGV[i * 3])
  local slot = math.floor(now / length)
  local state = redis.call('HMGET', key, 'oldest', 'total', slot)
  local w = { key = key, length = length, cost = cost, slot = slot }
  w.oldest, w.total, w.here = tonumber(state[1]) or slot, tonumber(state[2]) or 0, tonumber(state[3]) or 0
  if w.oldest <= slot - SLOTS then forget(w) end
  if w.total >= limit then admitted = 0 end
  windows[i] = w
end

local reply = { admitted }
for _, w in ipairs(windows) do
  if admitted == 1 and w.cost > 0 then
    w.total, w.oldest = w.total + w.cost, math.min(w.oldest, w.slot)
    redis.call('HSET', w.key, w.slot, w.here + w.cost, 'oldest', w.oldest, 'total', w.total)
    if w.here == 0 then redis.call('PEXPIRE', w.key, w.length * (SLOTS + 1)) end
  elseif w.stale then
    redis.call('HSET', w.key, 'oldest', w.oldest, 'total', w.total)
  end
  reply[#reply + 1] = w.total
  reply[#reply + 1] = (w.oldest + SLOTS) * w.length - now
end
return reply
