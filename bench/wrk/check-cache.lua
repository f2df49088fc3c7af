-- Argument: file with hashes, one a line. Asks check-cache about them in turn.
local report = require("report")
done = report.done
local messages, at = {}, 0
local headers = { ["Content-Type"] = "application/json", ["X-User-ID"] = "bench-device-0001" }

function init(args)
  for hash in io.lines(args[1]) do
    messages[#messages + 1] = wrk.format("POST", nil, headers, '{"image_hash": "' .. hash .. '"}')
  end
end

function request()
  at = at % #messages + 1
  return messages[at]
end
