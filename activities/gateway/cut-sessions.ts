/**
 * Ends the sessions of a server that is down. HAProxy's own `on-marked-down shutdown-sessions` never lets go of a client whose connection
 * to the server is just being made (seen with 3.0.11; `shutdown sessions server` is no better).
 */

export const CUT_SESSIONS_FILE = '/etc/haproxy/cut-sessions.lua';
export const ADMIN_SOCKET = '/run/haproxy/admin.sock';

/** Longer than `timeout connect`: no connection that began before is still being made. */
const SETTLED_AFTER_MS = 1_200;
/** An order has to fit into a buffer of HAProxy. */
const SESSIONS_PER_ORDER = 100;
/** What HAProxy calls SC_ST_EST. */
const ESTABLISHED = 8;

/**
 * Lua for HAProxy. Sessions that are there end at once: a former primary is a replica a second later, and would show them what was never
 * acknowledged. Those that were still being made end when they are there, unless the server is up again by then.
 */
export const CUT_SESSIONS = `local downs = {}

local function order(words)
  local haproxy = core.tcp()
  haproxy:settimeout(2)
  if not haproxy:connect('${ADMIN_SOCKET}') then return '' end
  haproxy:send(words .. '\\n')
  local said = haproxy:receive('*a')
  haproxy:close()
  return said or ''
end

local function cut_established(proxy, name)
  local orders = {}
  for line in order('show sess'):gmatch('[^\\n]+') do
    local session, backend, server, state = line:match('^(0x%x+): .- be=(%S+) srv=(%S+) .- scb=%[(%d+),')
    if backend == proxy and server == name and state == '${ESTABLISHED}' then orders[#orders + 1] = 'shutdown session ' .. session end
  end
  for first = 1, #orders, ${SESSIONS_PER_ORDER} do
    order(table.concat(orders, ';', first, math.min(first + ${SESSIONS_PER_ORDER - 1}, #orders)))
  end
end

local function cut(server, proxy, name, nth)
  cut_established(proxy, name)
  core.msleep(${SETTLED_AFTER_MS})
  if downs[proxy .. '/' .. name] == nth and server:get_stats().status:sub(1, 4) == 'DOWN' then server:shut_sess() end
end

core.event_sub({ 'SERVER_DOWN' }, function(_, data)
  local key = data.proxy_name .. '/' .. data.name
  downs[key] = (downs[key] or 0) + 1
  if data.reference then core.register_task(cut, data.reference, data.proxy_name, data.name, downs[key]) end
end)
`;
