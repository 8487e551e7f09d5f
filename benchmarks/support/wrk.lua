-- Sends a body of so many bytes, if any, and tells what wrk saw as one line of JSON.
function init(args)
  local bytes = tonumber(args[1] or "0")
  if bytes > 0 then
    wrk.method = "POST"
    wrk.body = string.rep("x", bytes)
  end
end

function done(summary, latency, requests)
  local failed = summary.errors
  io.write(string.format(
    'seen {"requests": %d, "errors": %d, "seconds": %.6f, "p50": %d, "p99": %d, "p999": %d}\n',
    summary.requests,
    failed.connect + failed.read + failed.write + failed.status + failed.timeout,
    summary.duration / 1e6,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
