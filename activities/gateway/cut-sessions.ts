/**
 * Ends the sessions of a server that is down. HAProxy's own `on-marked-down shutdown-sessions` does it in the very moment, and then
 * never lets go of a client whose connection to the server is just being made (seen with 3.0.11, and so by `shutdown sessions server`).
 */

export const CUT_SESSIONS_FILE = '/etc/haproxy/cut-sessions.lua';

/** Longer than `timeout connect`: no connection that began before is still being made. */
export const CUT_AFTER_MS = 1_200;

/** Lua for HAProxy. A server that was up meanwhile is not cut, nor one that is down anew: that one has its own time. */
export const CUT_SESSIONS = `local downs = {}

local function cut(server, name, nth)
  core.msleep(${CUT_AFTER_MS})
  if downs[name] == nth and server:get_stats().status:sub(1, 4) == 'DOWN' then server:shut_sess() end
end

core.event_sub({ 'SERVER_DOWN' }, function(_, data)
  local name = data.proxy_name .. '/' .. data.name
  downs[name] = (downs[name] or 0) + 1
  if data.reference then core.register_task(cut, data.reference, name, downs[name]) end
end)
`;
