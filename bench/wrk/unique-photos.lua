-- Arguments: file with a JPEG, a word that no earlier run used. Uploads the photo as one never seen:
-- bytes after a JPEG's end change what it is known by and not what it shows.
local report = require("report")
done = report.done
local photo, word, count = nil, nil, 0
local headers = { ["Content-Type"] = "image/jpeg" }

function init(args)
  photo, word = report.read_file(args[1]), args[2]
end

function request()
  count = count + 1
  return wrk.format("POST", nil, headers, photo .. word .. count)
end
