-- Arguments: content type, file with the body. Posts the same body each time.
local report = require("report")
done = report.done
local message

function init(args)
  message = wrk.format("POST", nil, { ["Content-Type"] = args[1] }, report.read_file(args[2]))
end

function request()
  return message
end
