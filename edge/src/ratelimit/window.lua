-- Counts one request in several sliding windows, in all of them or in none.
--
-- A window is 60 equal slots. Its key is a hash: one field per slot that counted something, `total` of them all, and
-- `oldest`, the first such slot, so that a call in the slot of the last one costs two commands however full the window is.
--
-- KEYS  one per window
-- ARGV  per window: limit, slot length in ms, cost (0 = look only)
-- Returns admitted (1 or 0), then per window: counted, ms until the oldest slot leaves.
local SLOTS = 60
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local windows = {}
local admitted = 1

for i, key in ipairs(KEYS) do
  local limit, length, cost = tonumber(ARGV[i * 3 - 2]), tonumber(ARGV[i * 3 - 1]), tonumber(ARGV[i * 3])
  local slot = math.floor(now / length)
  local state = redis.call('HMGET', key, 'oldest', 'total')
  local oldest, total = tonumber(state[1]) or slot, tonumber(state[2]) or 0
  if oldest <= slot - SLOTS then
    -- The key expires with its last slot, so this walks two windows at most.
    while total > 0 and oldest <= slot do
      local counted = tonumber(redis.call('HGET', key, oldest))
      if counted and oldest > slot - SLOTS then break end
      if counted then
        total = total - counted
        redis.call('HDEL', key, oldest)
      end
      oldest = oldest + 1
    end
    if total <= 0 then
      total, oldest = 0, slot
      redis.call('DEL', key)
    else
      redis.call('HSET', key, 'oldest', oldest, 'total', total)
    end
  end
  if total >= limit then admitted = 0 end
  windows[i] = { key = key, length = length, cost = cost, slot = slot, oldest = oldest, total = total }
end

local reply = { admitted }
for _, w in ipairs(windows) do
  if admitted == 1 and w.cost > 0 then
    w.total = w.total + w.cost
    w.oldest = math.min(w.oldest, w.slot)
    redis.call('HINCRBY', w.key, w.slot, w.cost)
    redis.call('HSET', w.key, 'oldest', w.oldest, 'total', w.total)
    redis.call('PEXPIRE', w.key, w.length * (SLOTS + 1))
  end
  reply[#reply + 1] = w.total
  reply[#reply + 1] = (w.oldest + SLOTS) * w.length - now
end
return reply
