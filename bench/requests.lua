-- For wrk: wrk -s bench/requests.lua URL -- REQUESTS. Lines as bench/load reads them, taken in turn; tells what no other line of wrk's says as one line of JSON.
local requests, at = {}, 0

function init(args)
   for line in io.lines(args[1]) do
      local path, body = line:match("^([^\t]*)\t(.*)$")
      if path then
         requests[#requests + 1] = wrk.format("POST", path, { ["Content-Type"] = "application/json" }, body)
      else
         requests[#requests + 1] = wrk.format("GET", line)
      end
   end
end

function request()
   at = at % #requests + 1
   return requests[at]
end

function done(summary, latency)
   local e = summary.errors
   io.write(string.format('{"requests": %d, "a_second": %.1f, "errors": %d, "p50_ms": %.3f, "p99_ms": %.3f}\n', summary.requests,
      summary.requests / summary.duration * 1e6, e.connect + e.read + e.write + e.status + e.timeout,
      latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
