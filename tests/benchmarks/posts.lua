-- What each connection of wrk posts: the next account's token, an event id of its own, a body of 300 to 500 bytes.
-- TOKENS names a file with a token a line; RUN begins the event ids.
local threads = 0

function setup(thread)
  threads = threads + 1
  thread:set("thread_id", threads)
end

function init()
  tokens, heads, number = {}, {}, 0
  for line in io.lines(os.getenv("TOKENS")) do tokens[#tokens + 1] = line end
  first = "POST " .. os.getenv("PATH_OF_POSTS") .. " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nCL-X-TOKEN: "
  last = {}
  for size = 300, 500, 10 do
    local body = '{"kind":"order.paid","total":149.90,"lines":[1,2,3],"customer":{"name":"Jane Roe"},"note":"'
    body = body .. string.rep("x", size - #body - 2) .. '"}'
    last[#last + 1] = "\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
  end
end

function request()
  number = number + 1
  local id = os.getenv("RUN") .. "-" .. thread_id .. "-" .. number
  return first .. tokens[number % #tokens + 1] .. "\r\nCL-X-EVENT-ID: " .. id .. last[number % #last + 1]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('\nRESULT {"answers": %d, "seconds": %f, "refused": %d, "broken": %d, "p50": %f, "p99": %f}\n',
    summary.requests, summary.duration / 1e6, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
