-- Prints what wrk saw as one line of JSON; required by the other scripts.
local report = {}

function report.done(summary, latency)
  local errors = summary.errors
  print(string.format(
    'REPORT {"requests": %d, "duration_us": %d, "p50_us": %d, "p95_us": %d, "p99_us": %d, '
      .. '"bad_answers": %d, "broken": %d}',
    summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(95), latency:percentile(99),
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end

function report.read_file(path)
  local file = assert(io.open(path, "rb"))
  local bytes = file:read("*a")
  file:close()
  return bytes
end

return report
