import { defineScript } from "../../redis/script.ts";

/*
 * Every key holds one of three things: a result (`[false,1800000000000,…`: provisional, createdAt), an
 * alias (`=`, the digest and createdAt of the result that it answers with) or, for a while after an
 * invalidation, a tombstone: the time before which results were meant, or `!` in an alias's place. A
 * tombstone lies where the entry would, so that reading it costs nothing and no read that is slower
 * than an invalidation can bring back what that took away.
 */

/** What is under an alias's key while the alias must not answer. */
export const ALIAS_TOMBSTONE = "!";

/** Shared by the scripts: what a key holds, whatever it is, and a result's head. */
const READING = `
local function get(key)
  local value = redis.pcall('GET', key)
  return type(value) == 'table' and '' or value
end
local function head(value)
  local provisional, createdAt = string.match(value, '^%[(%a+),(%d+),')
  return provisional == 'true', tonumber(createdAt)
end
`;

/**
 * Writes entries, each with its lifetime in milliseconds, that may take the place of what is there: a
 * final result is never replaced by a provisional one, nor a newer by an older. Anything unknown is.
 */
export const putEntries = defineScript<null>(`${READING}
local function mayReplace(known, value)
  if string.sub(value, 1, 1) == '=' then return known ~= '${ALIAS_TOMBSTONE}' end
  local provisional, createdAt = head(value)
  local before = tonumber(known)
  if before then return createdAt >= before end
  local knownProvisional, knownCreatedAt = head(known)
  if not knownCreatedAt then return true end
  if provisional ~= knownProvisional then return knownProvisional end
  return createdAt >= knownCreatedAt
end
for i, key in ipairs(KEYS) do
  local value, ttl = ARGV[2 * i - 1], ARGV[2 * i]
  local known = get(key)
  if not known or mayReplace(known, value) then redis.call('SET', key, value, 'PX', ttl) end
end
return false
`);

/**
 * Leaves tombstones; their lifetime in milliseconds is the first argument. Results that are not meant stay.
 * A Redis without room for a tombstone refuses what a slower reader brings, too.
 */
export const buryEntries = defineScript<null>(`${READING}
local ttl = ARGV[1]
for i, key in ipairs(KEYS) do
  local tombstone = ARGV[i + 1]
  local before = tonumber(tombstone)
  local known = before and get(key)
  local earlier = known and tonumber(known)
  local _, createdAt = head(known or '')
  if earlier and earlier >= before then
    redis.call('PEXPIRE', key, ttl)
  elseif not createdAt or createdAt < before then
    local reply = redis.pcall('SET', key, tombstone, 'PX', ttl)
    if reply.err then redis.call('DEL', key) end
  end
end
return false
`);
