-- wrk's requests that record a node each, under names that no other run uses: `-- RUN`.
local threads = 0

function setup(thread)
  thread:set("id", threads)
  threads = threads + 1
end

function init(args)
  run = args[1]
  number = 0
end

function request()
  number = number + 1
  local body = string.format('{"name": "%s-%d-%d", "region": "bench"}', run, id, number)
  return wrk.format("POST", nil, nil, body)
end
